package zkmig.lab;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/** What the stand-ins of DC/OS's services have in common: a port, answers, a candidate, and a life that ends with its leadership. */
abstract class Service {
    /** An answer of HTTP; a redirection's body is its target. */
    record Answer(int code, String type, String body) {
        static Answer json(String body) {
            return new Answer(200, "application/json", body);
        }
    }

    final String address;
    final Candidate candidate;
    final long startedAt = System.currentTimeMillis();

    Service(String address, Candidate candidate) {
        this.address = address;
        this.candidate = candidate;
    }

    abstract Answer answer(String method, String path) throws Exception;

    /** The master's address as DC/OS finds it. */
    static String detectAddress() throws IOException {
        Process detect = new ProcessBuilder("/opt/mesosphere/bin/detect_ip").start();
        return new String(detect.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
    }

    void serve(int port, String lost) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 50);
        server.setExecutor(Executors.newCachedThreadPool(work -> {
            Thread thread = new Thread(work);
            thread.setDaemon(true);
            return thread;
        }));
        server.createContext("/", this::handle);
        server.start();
        candidate.run();
        System.out.println(lost);
        System.exit(1);
    }

    private void handle(HttpExchange exchange) throws IOException {
        Answer answer;
        try {
            answer = answer(exchange.getRequestMethod(), exchange.getRequestURI().getPath());
        } catch (Exception failed) {
            answer = new Answer(500, "text/plain", String.valueOf(failed));
        }
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        if (answer.code() / 100 == 3) {
            exchange.getResponseHeaders().set("Location", answer.body());
            body = new byte[0];
        } else {
            exchange.getResponseHeaders().set("Content-Type", answer.type());
        }
        exchange.sendResponseHeaders(answer.code(), body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
