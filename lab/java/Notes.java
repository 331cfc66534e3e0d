package zkmig.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;

/** What a watch notes: a file with a JSON object in each line, which several threads append to. */
final class Notes {
    private final Path file;

    Notes(Path file) {
        this.file = file;
    }

    synchronized void line(String event, String fields) throws IOException {
        Files.write(file, ("{\"event\":\"" + event + "\",\"at\":\"" + Instant.now() + "\"," + fields + "}\n")
            .getBytes(StandardCharsets.UTF_8), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
