package zkmig.lab;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.log4j.AppenderSkeleton;
import org.apache.log4j.MDC;
import org.apache.log4j.PatternLayout;
import org.apache.log4j.spi.LoggingEvent;

/** Sends ZooKeeper's log to the journal from its own process, so that journald files each line under its pid and unit. */
public final class JournalAppender extends AppenderSkeleton {
    private static final class Systemd {
        static {
            Native.register(Systemd.class, "libsystemd.so.0");
        }

        static native int sd_journal_sendv(Memory fields, int count);
    }

    /** Used again for each line: log4j appends one line at a time. */
    private Memory buffer;

    /** Without a pattern a line is its bare message. An own property, for log4j ties a layout to appenders that need one. */
    public void setPattern(String pattern) {
        layout = new PatternLayout(pattern);
    }

    @Override
    protected void append(LoggingEvent event) {
        List<byte[]> fields = new ArrayList<>();
        String message = layout == null ? event.getRenderedMessage() : layout.format(event);
        add(fields, "MESSAGE", trimEnd(message));
        add(fields, "PRIORITY", String.valueOf(event.getLevel().getSyslogEquivalent()));
        add(fields, "SYSLOG_IDENTIFIER", "java");
        add(fields, "THREAD_NAME", event.getThreadName());
        add(fields, "LOG4J_LOGGER", event.getLoggerName());
        Map<?, ?> context = MDC.getContext();
        if (context != null) {
            for (Map.Entry<?, ?> entry : context.entrySet()) {
                add(fields, "LOG4J_MDC_" + entry.getKey().toString().toUpperCase(Locale.ROOT), entry.getValue().toString());
            }
        }
        String[] throwable = event.getThrowableStrRep();
        if (throwable != null) {
            add(fields, "STACKTRACE", String.join("\n", throwable));
        }
        send(fields);
    }

    /** Only the line's end goes: some of ZooKeeper's messages end in a blank, and readers see it on a real master. */
    private static String trimEnd(String message) {
        int end = message.length();
        while (end > 0 && (message.charAt(end - 1) == '\n' || message.charAt(end - 1) == '\r')) {
            end--;
        }
        return message.substring(0, end);
    }

    private static void add(List<byte[]> fields, String name, String value) {
        fields.add((name + "=" + value).getBytes(StandardCharsets.UTF_8));
    }

    /** One struct iovec {base, length} for each field. */
    private void send(List<byte[]> fields) {
        long bytes = fields.stream().mapToLong(f -> f.length).sum();
        long table = 16L * fields.size();
        if (buffer == null || buffer.size() < table + bytes) {
            buffer = new Memory(2 * (table + bytes));
        }
        long offset = table;
        for (int i = 0; i < fields.size(); i++) {
            byte[] field = fields.get(i);
            buffer.write(offset, field, 0, field.length);
            buffer.setPointer(16L * i, buffer.share(offset));
            buffer.setLong(16L * i + 8, field.length);
            offset += field.length;
        }
        Systemd.sd_journal_sendv(buffer, fields.size());
    }

    @Override
    public void close() {
        closed = true;
    }

    @Override
    public boolean requiresLayout() {
        return false;
    }
}
