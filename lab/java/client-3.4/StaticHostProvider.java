package org.apache.zookeeper.client;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/**
 * Takes the place of ZooKeeper 3.4's own class in the lab's clients: that one reads a server's name out of a printed
 * address, whose form changed in Java 14, and finds no server ever since.
 */
public final class StaticHostProvider implements HostProvider {
    private final List<InetSocketAddress> servers;
    private int tried = -1;
    private int connected = -1;

    public StaticHostProvider(Collection<InetSocketAddress> addresses) {
        servers = new ArrayList<>(addresses);
        Collections.shuffle(servers);
    }

    @Override
    public synchronized int size() {
        return servers.size();
    }

    @Override
    public synchronized InetSocketAddress next(long pauseMs) {
        tried = (tried + 1) % servers.size();
        // A pause only after a whole round, as the client's own provider does.
        if (tried == connected && pauseMs > 0) {
            try {
                wait(pauseMs);
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
            }
        } else if (connected == -1) {
            connected = 0;
        }
        InetSocketAddress server = servers.get(tried);
        return new InetSocketAddress(server.getHostString(), server.getPort());
    }

    @Override
    public synchronized void onConnected() {
        connected = tried;
    }
}
