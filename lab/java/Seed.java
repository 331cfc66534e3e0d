package zkmig.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/** Writes a file's content into a znode: {@code Seed CONNECT PATH FILE SECONDS}. */
public final class Seed {
    private Seed() {}

    public static void main(String[] args) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper client = Sessions.open(args[0], event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        if (!connected.await(Long.parseLong(args[3]), TimeUnit.SECONDS)) {
            System.err.println("no server of " + args[0] + " answered within " + args[3] + " s");
            System.exit(1);
        }
        byte[] data = Files.readAllBytes(Path.of(args[2]));
        StringBuilder path = new StringBuilder();
        String[] parts = args[1].substring(1).split("/");
        for (int i = 0; i < parts.length; i++) {
            path.append('/').append(parts[i]);
            boolean last = i == parts.length - 1;
            try {
                client.create(path.toString(), last ? data : new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            } catch (KeeperException.NodeExistsException there) {
                if (last) {
                    client.setData(path.toString(), data, -1);
                }
            }
        }
        client.close();
    }
}
