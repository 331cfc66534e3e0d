package zkmig.lab;

import java.io.IOException;

/**
 * When a write of anybody's was last acknowledged. A gap is the time in which nobody's was: what the ensemble costs,
 * whatever a single client does with its own time.
 */
final class EnsembleClock {
    static final int GAP_MS = 250;

    private final Notes notes;
    private long last;
    private long longest;
    private boolean closed;

    EnsembleClock(Notes notes) {
        this.notes = notes;
    }

    synchronized void begin(long now) {
        last = now;
    }

    synchronized void acknowledged(long now) throws IOException {
        // Two threads may come here in the other order than their answers came.
        if (closed || now < last) {
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
        closed = true;
    }

    synchronized long longestMs() {
        return longest;
    }
}
