package zkmig.lab;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.Map;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

/** What protects Exhibitor's REST: a password for all but the cluster's status, and TLS with certificates on both sides. */
final class Security {
    private static final String TLS = "EXHIBITOR_TLS_";
    private final String credentials;
    private final SSLContext serving;
    private final SSLContext asking;

    private Security(String credentials, SSLContext serving, SSLContext asking) {
        this.credentials = credentials;
        this.serving = serving;
        this.asking = asking;
    }

    /** As the command line ({@code --security}, {@code --realm NAME:FILE}) and the environment have it. */
    static Security of(Map<String, String> options, Map<String, String> environment) throws IOException, GeneralSecurityException {
        String credentials = null;
        if (options.containsKey("security")) {
            String realm = options.get("realm");
            credentials = credentials(Files.readString(Path.of(realm.substring(realm.indexOf(':') + 1))));
        }
        if (!environment.containsKey(TLS + "SERVER_KEYSTORE_PATH")) {
            return new Security(credentials, null, null);
        }
        return new Security(credentials, context(environment, "SERVER_KEYSTORE"), context(environment, "CLIENT_KEYSTORE"));
    }

    /** A realm's line is "user: password,role". */
    private static String credentials(String realm) {
        int colon = realm.indexOf(':');
        String user = realm.substring(0, colon).strip();
        String password = realm.substring(colon + 1).split(",")[0].strip();
        return "Basic " + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    }

    private static SSLContext context(Map<String, String> environment, String own) throws IOException, GeneralSecurityException {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store(environment, own), environment.get(TLS + own + "_PASSWORD").toCharArray());
        TrustManagerFactory trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(store(environment, "TRUSTSTORE"));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trusted.getTrustManagers(), null);
        return context;
    }

    private static KeyStore store(Map<String, String> environment, String name) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(Path.of(environment.get(TLS + name + "_PATH")))) {
            store.load(in, environment.get(TLS + name + "_PASSWORD").toCharArray());
        }
        return store;
    }

    /** With TLS nothing else is spoken, and a client without a certificate gets no further than the handshake. */
    HttpServer listen(int port) throws IOException {
        InetSocketAddress address = new InetSocketAddress(port);
        if (serving == null) {
            return HttpServer.create(address, 50);
        }
        HttpsServer server = HttpsServer.create(address, 50);
        server.setHttpsConfigurator(new HttpsConfigurator(serving) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters asked = serving.getDefaultSSLParameters();
                asked.setNeedClientAuth(true);
                parameters.setSSLParameters(asked);
            }
        });
        return server;
    }

    boolean admits(String path, String authorization) {
        return credentials == null || path.equals("/exhibitor/v1/cluster/status") || credentials.equals(authorization);
    }

    HttpURLConnection connect(String host, int port, String path) throws IOException {
        HttpURLConnection peer = (HttpURLConnection) new URL(asking == null ? "http" : "https", host, port, path).openConnection();
        if (peer instanceof HttpsURLConnection secured) {
            secured.setSSLSocketFactory(asking.getSocketFactory());
        }
        if (credentials != null) {
            peer.setRequestProperty("Authorization", credentials);
        }
        return peer;
    }
}
