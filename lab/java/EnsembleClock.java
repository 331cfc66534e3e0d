package zkmig.lab;

import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * When anything of anybody's was last acknowledged, a write or a new session. A gap is the time in which nothing was:
 * what the ensemble costs, whatever a single client does with its own time.
 */
final class EnsembleClock {
    static final int GAP_MS = 250;

    private final Notes notes;
    private long last;
    private long longest;
    private boolean open;

    EnsembleClock(Notes notes) {
        this.notes = notes;
    }

    synchronized void begin(long now) {
        last = now;
        open = true;
    }

    /** Whether a gap is under way. */
    synchronized boolean isSilent(long now) {
        return open && now - last > TimeUnit.MILLISECONDS.toNanos(GAP_MS);
    }

    synchronized void acknowledged(long now) throws IOException {
        // Two threads may come here in the other order than their answers came.
        if (!open || now < last) {
            return;
        }
        long gap = (now - last) / 1_000_000;
        last = now;
        longest = Math.max(longest, gap);
        if (gap > GAP_MS) {
            notes.line("gap", "\"ms\":" + gap);
        }
    }

    /**
     * The first writer that ends is the last moment at which all wrote; from then on silence says nothing of the
     * ensemble. What had gone unanswered until then is a gap as well.
     */
    synchronized void close(long now) throws IOException {
        acknowledged(now);
        open = false;
    }

    synchronized long longestMs() {
        return longest;
    }
}
