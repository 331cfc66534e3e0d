package zkmig.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Gives a master that the list does not name a place in it. What it starts from is the configuration in force, and a master
 * whose storage was away when it started has an empty one, of no version: as soon as the storage is back it may write a
 * list of itself over the one that is there.
 */
final class InstanceManagement implements Runnable {
    private static final int SHORTEST_MS = 60_000;
    private static final int LONGEST_MS = 120_000;
    private static final int LOCK_MS = 30_000;
    private static final int LOOK_MS = 200;
    /** The lab's fault "manage-instances": a run begins now, and waits for its storage until this time is over. */
    private static final int ASKED_FOR_MS = 300_000;
    private final Exhibitor exhibitor;
    private final Path asked;

    InstanceManagement(Exhibitor exhibitor, Path asked) {
        this.exhibitor = exhibitor;
        this.asked = asked;
    }

    @Override
    public void run() {
        long next = due();
        while (true) {
            try {
                Thread.sleep(LOOK_MS);
                if (Files.exists(asked)) {
                    manage(ASKED_FOR_MS);
                    Files.deleteIfExists(asked);
                } else if (System.nanoTime() > next) {
                    manage(LOCK_MS);
                    next = due();
                }
            } catch (InterruptedException end) {
                return;
            } catch (Exception failed) {
                exhibitor.error("" + failed);
                next = due();
            }
        }
    }

    private static long due() {
        return System.nanoTime() + ThreadLocalRandom.current().nextInt(SHORTEST_MS, LONGEST_MS) * 1_000_000L;
    }

    private void manage(long lockMs) throws Exception {
        if (!isWanted()) {
            return;
        }
        if (!exhibitor.source().lock(lockMs)) {
            exhibitor.log("Could not acquire config lock for Automatic Instance Management");
            return;
        }
        try {
            // While it waited, the configuration may have come.
            if (isWanted()) {
                enter();
            }
        } finally {
            exhibitor.source().unlock();
        }
    }

    private boolean isWanted() throws IOException {
        Properties config = exhibitor.config();
        ServerList list = exhibitor.ensemble();
        if (!config.getProperty("auto-manage-instances", "0").equals("1") || exhibitor.stored().isRolling() || list.find(exhibitor.hostname()) != null) {
            return false;
        }
        int size = Integer.parseInt(config.getProperty("auto-manage-instances-fixed-ensemble-size", "0"));
        return list.servers.size() < size || list.servers.stream().anyMatch(this::isDown);
    }

    private boolean isDown(ServerList.Server server) {
        return exhibitor.rest().look(server.host()).state() == ZooKeeperProcess.State.DOWN;
    }

    /** With the highest id that is taken and one more, in the place of those that are down. */
    private void enter() throws Exception {
        ServerList list = exhibitor.ensemble();
        ServerList wanted = new ServerList("");
        list.servers.stream().filter(server -> !isDown(server)).forEach(wanted.servers::add);
        wanted.servers.add(new ServerList.Server(false, list.highestId() + 1, exhibitor.hostname()));
        exhibitor.log("Automatic Instance Management will change the server list: " + list + " ==> " + wanted);
        Properties settings = new Properties();
        settings.putAll(exhibitor.config());
        settings.setProperty("servers-spec", wanted.toString());
        Stored before = exhibitor.stored();
        Stored changed = new Stored(settings, before.rolling(), before.hosts(), before.index(), before.version());
        if (!exhibitor.source().store(changed)) {
            exhibitor.log("The stored configuration has changed meanwhile");
        }
    }
}
