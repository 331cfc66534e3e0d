package zkmig.lab;

import java.util.BitSet;
import java.util.concurrent.TimeUnit;

/**
 * How a watch ends: every writer goes on until each of them has had an answer since the end was asked for, or the
 * patience is over. If each left alone, one that only waits for its own client would look like an ensemble that does
 * not answer.
 */
final class Ending {
    private final BitSet unanswered = new BitSet();
    private long endBy;
    private boolean asked;

    Ending(int writers) {
        unanswered.set(1, writers + 1);
    }

    synchronized void ask(int patienceS) {
        if (!asked) {
            asked = true;
            endBy = System.nanoTime() + TimeUnit.SECONDS.toNanos(patienceS);
            notifyAll();
        }
    }

    synchronized boolean asked() {
        return asked;
    }

    synchronized void answered(int writer) {
        if (asked) {
            unanswered.clear(writer);
            if (unanswered.isEmpty()) {
                notifyAll();
            }
        }
    }

    synchronized boolean overdue() {
        return asked && System.nanoTime() - endBy >= 0;
    }

    synchronized boolean reached() {
        return asked && (unanswered.isEmpty() || overdue());
    }

    /** A writer's pause; the end cuts it short. */
    synchronized void await(long ms) throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
        for (long left = ms; left > 0 && !reached(); left = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime())) {
            wait(left);
        }
    }
}
