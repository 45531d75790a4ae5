package dev.lowrank.tensor;

import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A daemon platform thread that does one piece of work after another for whoever borrows it: LibTorch
/// keeps state per operating-system thread, and a block of a model hands out work every few milliseconds,
/// so the thread stays awake for a moment after each piece, as does the one that waits for it.
final class ComputeThread {
    /// Some fifty microseconds, about what waking a sleeping thread costs.
    private static final int SPINS = 20_000;

    private static final ConcurrentLinkedDeque<ComputeThread> IDLE = new ConcurrentLinkedDeque<>();
    private static int made;

    private final Thread thread;
    private volatile @Nullable Job job;

    private ComputeThread(int number) {
        thread = Thread.ofPlatform().name("lowrank-compute-" + number).daemon().unstarted(this::serve);
    }

    /// A piece of work and its end.
    static final class Job {
        private final Runnable work;
        private final Thread waiting = Thread.currentThread();
        private volatile boolean done;
        private @Nullable Throwable failure;

        private Job(Runnable work) {
            this.work = work;
        }

        private void run(ComputeThread worker) {
            try {
                work.run();
            } catch (RuntimeException | Error problem) {
                failure = problem;
            }
            IDLE.addFirst(worker); // before the one who waits goes on and wants it again
            done = true;
            LockSupport.unpark(waiting);
        }

        /// Waits for the end; an interruption of the waiting thread stays pending.
        ///
        /// @return what went wrong, if anything did
        @Nullable
        Throwable await() {
            var interrupted = false;
            for (var spins = 0; !done; spins++) {
                if (spins < SPINS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.park(this);
                    interrupted |= Thread.interrupted();
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            return failure;
        }
    }

    /// Has an idle thread, or a new one, do some work.
    static Job start(Runnable work) {
        var result = new Job(work);
        var thread = IDLE.pollFirst();
        if (thread == null) {
            thread = create();
        }
        thread.job = result;
        LockSupport.unpark(thread.thread);
        return result;
    }

    private static synchronized ComputeThread create() {
        var thread = new ComputeThread(++made);
        thread.thread.start();
        return thread;
    }

    private void serve() {
        while (true) {
            var next = job;
            for (var spins = 0; next == null; spins++) {
                if (spins < SPINS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.park(this);
                }
                next = job;
            }
            job = null;
            next.run(this);
        }
    }
}
