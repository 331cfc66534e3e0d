package zkmig.lab;

import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Properties;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooKeeper;

/** Where Exhibitor's configuration is kept: the three backends. */
interface ConfigSource {
    String PREFIX = "com.netflix.exhibitor.";

    /** The stored properties, without their prefix, or null while the storage holds or shows none. */
    Properties load() throws Exception;

    /** False where the storage answers late, so that Exhibitor starts with an empty ensemble. */
    boolean readyAtStart();

    static Properties parse(String text) throws Exception {
        Properties stored = new Properties();
        stored.load(new StringReader(text));
        Properties plain = new Properties();
        for (String key : stored.stringPropertyNames()) {
            if (key.startsWith(PREFIX)) {
                plain.setProperty(key.substring(PREFIX.length()), stored.getProperty(key));
            }
        }
        return plain;
    }

    /** The ensemble of the command line. It never changes while Exhibitor runs. */
    record Static(String ensemble) implements ConfigSource {
        @Override
        public Properties load() {
            Properties fixed = new Properties();
            fixed.setProperty("servers-spec", ensemble);
            fixed.setProperty("auto-manage-instances", "0");
            return fixed;
        }

        @Override
        public boolean readyAtStart() {
            return true;
        }
    }

    /** A properties file in a directory that all masters share. */
    record SharedFile(Path file) implements ConfigSource {
        @Override
        public Properties load() throws Exception {
            try {
                return parse(Files.readString(file));
            } catch (NoSuchFileException absent) {
                return null;
            }
        }

        @Override
        public boolean readyAtStart() {
            return true;
        }
    }

    /** A znode of an external ensemble, read through a cache as Exhibitor does: unreachable at start means empty. */
    final class External implements ConfigSource {
        private final String connect;
        private final String path;
        private volatile String seen;

        External(String connect, String zpath) {
            this.connect = connect;
            this.path = (zpath.equals("/") ? "" : zpath) + "/configs/config";
            Thread reader = new Thread(this::follow, "PathChildrenCache-0");
            reader.setDaemon(true);
            reader.start();
        }

        private void follow() {
            ZooKeeper client = null;
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
                        seen = new String(client.getData(path, true, null), StandardCharsets.ISO_8859_1);
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
        public Properties load() throws Exception {
            String text = seen;
            return text == null ? null : parse(text);
        }

        @Override
        public boolean readyAtStart() {
            return false;
        }
    }
}
