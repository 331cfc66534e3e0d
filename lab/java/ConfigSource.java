package zkmig.lab;

import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Properties;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** Where Exhibitor's configuration is kept: the three backends. */
interface ConfigSource {
    /** What is stored, or null while the storage holds or shows nothing. */
    Stored load() throws Exception;

    /** False where the storage answers late, so that Exhibitor starts with an empty ensemble. */
    boolean readyAtStart();

    /** Waits for the lock that all masters share; false where it was not to be had in time. */
    boolean lock(long ms) throws Exception;

    void unlock() throws Exception;

    /** Stores over the version that the configuration carries; false where another version is there by now. */
    boolean store(Stored config) throws Exception;

    /** The ensemble of the command line. It never changes while Exhibitor runs, whatever is stored. */
    record Static(String ensemble) implements ConfigSource {
        @Override
        public Stored load() {
            Properties fixed = new Properties();
            fixed.setProperty("servers-spec", ensemble);
            fixed.setProperty("auto-manage-instances", "0");
            return new Stored(fixed, new Properties(), List.of(), 0, 0);
        }

        @Override
        public boolean readyAtStart() {
            return true;
        }

        @Override
        public boolean lock(long ms) {
            return true;
        }

        @Override
        public void unlock() {
            // Nobody shares it.
        }

        @Override
        public boolean store(Stored config) {
            return true;
        }
    }

    /** A properties file in a directory that all masters share; its version is the time of its last change. */
    record SharedFile(Path file) implements ConfigSource {
        private static final int EVERY_MS = 100;

        @Override
        public Stored load() throws Exception {
            try {
                int version = version();
                return Stored.parse(Files.readString(file), version);
            } catch (NoSuchFileException absent) {
                return null;
            }
        }

        private int version() throws Exception {
            return (int) (Files.getLastModifiedTime(file).toMillis() & Integer.MAX_VALUE);
        }

        @Override
        public boolean readyAtStart() {
            return true;
        }

        private Path lockFile() {
            return file.resolveSibling("exhibitor.lock");
        }

        @Override
        public boolean lock(long ms) throws Exception {
            long deadline = System.nanoTime() + ms * 1_000_000L;
            while (true) {
                try {
                    Files.createFile(lockFile());
                    return true;
                } catch (FileAlreadyExistsException held) {
                    if (System.nanoTime() > deadline) {
                        return false;
                    }
                    Thread.sleep(EVERY_MS);
                }
            }
        }

        @Override
        public void unlock() throws Exception {
            Files.deleteIfExists(lockFile());
        }

        @Override
        public boolean store(Stored config) throws Exception {
            if (config.version() != Stored.NEVER && config.version() != version()) {
                return false;
            }
            Path fresh = file.resolveSibling("exhibitor.properties.new");
            Files.writeString(fresh, config.text());
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return true;
        }
    }

    /** A znode of an external ensemble, read through a cache as Exhibitor does: unreachable at start means empty. */
    final class External implements ConfigSource {
        private static final int EVERY_MS = 100;
        private final String connect;
        private final String root;
        private final String path;
        private volatile ZooKeeper client;
        private volatile Stored seen;

        External(String connect, String zpath) {
            this.connect = connect;
            this.root = zpath.equals("/") ? "" : zpath;
            this.path = root + "/configs/config";
            Thread reader = new Thread(this::follow, "PathChildrenCache-0");
            reader.setDaemon(true);
            reader.start();
        }

        private void follow() {
            Object wake = new Object();
            while (true) {
                try {
                    if (client == null || !client.getState().isAlive()) {
                        if (client != null) {
                            client.close();
                        }
                        client = Sessions.open(connect, event -> {
                            synchronized (wake) {
                                wake.notifyAll();
                            }
                        });
                    }
                    if (client.getState().isConnected()) {
                        Stat stat = new Stat();
                        byte[] data = client.getData(path, true, stat);
                        seen = Stored.parse(new String(data, StandardCharsets.ISO_8859_1), stat.getVersion());
                    }
                } catch (KeeperException.NoNodeException absent) {
                    seen = null;
                } catch (Exception unreachable) {
                    // The cache keeps what it last saw, like the real one.
                }
                synchronized (wake) {
                    try {
                        wake.wait(1000);
                    } catch (InterruptedException end) {
                        return;
                    }
                }
            }
        }

        @Override
        public Stored load() {
            return seen;
        }

        @Override
        public boolean readyAtStart() {
            return false;
        }

        private String lockPath() {
            return root + "/locks/exhibitor";
        }

        /** Who waits for the lock while the ensemble is away has it in the moment in which that is back. */
        @Override
        public boolean lock(long ms) throws Exception {
            long deadline = System.nanoTime() + ms * 1_000_000L;
            while (System.nanoTime() < deadline) {
                ZooKeeper session = client;
                if (session != null && session.getState().isConnected()) {
                    try {
                        create(session, root + "/locks", CreateMode.PERSISTENT);
                        session.create(lockPath(), new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
                        return true;
                    } catch (KeeperException heldOrAway) {
                        // Tried again until the time is over.
                    }
                }
                Thread.sleep(EVERY_MS);
            }
            return false;
        }

        private static void create(ZooKeeper session, String node, CreateMode mode) throws KeeperException, InterruptedException {
            try {
                session.create(node, new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, mode);
            } catch (KeeperException.NodeExistsException there) {
                // Another master was first.
            }
        }

        @Override
        public void unlock() throws Exception {
            client.delete(lockPath(), -1);
        }

        @Override
        public boolean store(Stored config) throws Exception {
            byte[] data = config.text().getBytes(StandardCharsets.ISO_8859_1);
            try {
                client.setData(path, data, config.version());
            } catch (KeeperException.NoNodeException none) {
                create(client, root + "/configs", CreateMode.PERSISTENT);
                client.create(path, data, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            } catch (KeeperException.BadVersionException changed) {
                return false;
            }
            return true;
        }
    }
}
