package zkmig.lab;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** The ensemble as Exhibitor reads it: what does not parse is dropped without a word, and nothing checks for duplicates. */
final class ServerList {
    record Server(boolean observer, int id, String host) {
        @Override
        public String toString() {
            return (observer ? "O:" : "") + id + ":" + host;
        }
    }

    final List<Server> servers = new ArrayList<>();

    ServerList(String spec) {
        for (String item : spec.split(",")) {
            String[] parts = item.trim().split(":");
            try {
                if (parts.length == 2) {
                    servers.add(new Server(false, Integer.parseInt(parts[0]), parts[1]));
                } else if (parts.length == 3) {
                    servers.add(new Server(parts[0].equalsIgnoreCase("O"), Integer.parseInt(parts[1]), parts[2]));
                }
            } catch (NumberFormatException dropped) {
                // A typing error in a list loses that server silently, and a rehearsal must show it.
            }
        }
    }

    /** The host's own entry; hosts are compared as strings, exactly. */
    Server find(String host) {
        return servers.stream().filter(s -> s.host().equals(host)).findFirst().orElse(null);
    }

    int highestId() {
        return servers.stream().mapToInt(Server::id).max().orElse(0);
    }

    /** As it is stored. */
    @Override
    public String toString() {
        return String.join(",", servers.stream().map(Server::toString).toList());
    }

    /** The order does not count. */
    @Override
    public boolean equals(Object other) {
        return other instanceof ServerList list && new HashSet<>(list.servers).equals(new HashSet<>(servers));
    }

    @Override
    public int hashCode() {
        return new HashSet<>(servers).hashCode();
    }
}
