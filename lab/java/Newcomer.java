package zkmig.lab;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;

/**
 * Knocks at one server whenever nobody's write has been acknowledged for long, until the server takes a new session: the
 * ensemble has to agree on that as on any write. ZooKeeper's library pauses before it connects *again*, up to a second
 * before each attempt, and all the writers that lost their server may be pausing when the ensemble is back. One that
 * comes new does not pause.
 */
final class Newcomer implements Runnable {
    private static final int EVERY_MS = 100;
    private static final int CONNECT_MS = 500;
    private static final int ANSWER_MS = 2_000;
    private static final int PASSWORD_BYTES = 16;
    private static final int CLOSE_SESSION = -11;

    private final InetSocketAddress server;
    private final EnsembleClock ensemble;

    private Newcomer(InetSocketAddress server, EnsembleClock ensemble) {
        this.server = server;
        this.ensemble = ensemble;
    }

    /** One for each server of a connect string; they end with the process. */
    static void start(String connect, EnsembleClock ensemble) throws InterruptedException {
        String[] servers = connect.split(",");
        for (String server : servers) {
            int colon = server.lastIndexOf(':');
            InetSocketAddress address = new InetSocketAddress(server.substring(0, colon), Integer.parseInt(server.substring(colon + 1)));
            Thread thread = new Thread(new Newcomer(address, ensemble), "newcomer at " + server);
            thread.setDaemon(true);
            thread.start();
            // Evenly over the time between two knocks.
            Thread.sleep(EVERY_MS / servers.length);
        }
    }

    @Override
    public void run() {
        try {
            while (true) {
                if (ensemble.isSilent(System.nanoTime())) {
                    knock();
                }
                Thread.sleep(EVERY_MS);
            }
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
        }
    }

    private void knock() {
        try (Socket socket = new Socket()) {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(ANSWER_MS);
            socket.connect(server, CONNECT_MS);
            socket.getOutputStream().write(connectRequest());
            DataInputStream answer = new DataInputStream(socket.getInputStream());
            answer.readInt(); // its length
            answer.readInt(); // the protocol's version
            boolean taken = answer.readInt() > 0;
            if (taken) {
                ensemble.acknowledged(System.nanoTime());
                socket.getOutputStream().write(closeRequest());
                while (answer.read() >= 0) {
                    // The server ends the connection when the session is closed.
                }
            }
        } catch (IOException refused) {
            // It does not serve; the next knock may be heard.
        }
    }

    /** As the library's first packet: version, last zxid, timeout, no session yet, an empty password, not read-only. */
    private static byte[] connectRequest() {
        int length = 4 + 8 + 4 + 8 + 4 + PASSWORD_BYTES + 1;
        return ByteBuffer.allocate(4 + length).putInt(length).putInt(0).putLong(0).putInt(Sessions.TIMEOUT_MS).putLong(0)
            .putInt(PASSWORD_BYTES).array();
    }

    private static byte[] closeRequest() {
        return ByteBuffer.allocate(4 + 8).putInt(8).putInt(1).putInt(CLOSE_SESSION).array();
    }
}
