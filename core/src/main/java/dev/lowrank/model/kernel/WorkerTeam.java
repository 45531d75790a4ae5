package dev.lowrank.model.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A few daemon threads that share the chunks of one task after the other with the thread that calls
/// [#run]. Each begins with a stretch of chunks of its own, in order, so that what it reads ahead is what
/// it needs next; whoever is done takes the last chunks of the others. Handing out a task costs about a
/// microsecond while the workers are awake; they spin for some fifty microseconds after the last task and
/// then park, so that they do not compete with LibTorch's threads.
///
/// A team belongs to one calling thread at a time; closing it ends its threads.
public final class WorkerTeam implements AutoCloseable {
    private static final int SPINS_BEFORE_PARKING = 2_000;
    private static final int SPINS_BEFORE_YIELDING = 2_000;
    private static final int CHUNK_BITS = 31;
    private static final VarHandle PARKED = MethodHandles.arrayElementVarHandle(boolean[].class);
    private static final VarHandle TICKETS = MethodHandles.arrayElementVarHandle(long[].class);
    /// Longs between two tickets, so that they share no cache line.
    private static final int APART = 16;

    private static final VarHandle FINISHED;

    static {
        try {
            FINISHED = MethodHandles.lookup().findVarHandle(WorkerTeam.class, "finished", int.class);
        } catch (ReflectiveOperationException missing) {
            throw new ExceptionInInitializerError(missing);
        }
    }

    private final Thread[] workers;
    private final boolean[] parked;
    private volatile boolean closed;
    private volatile @Nullable Throwable failure;
    private @Nullable Task task;

    /// For each thread the end of its open chunks in the upper half, the next one to do in the lower.
    /// Taking a chunk is one compare-and-set: if it succeeds, that chunk of the current task was still
    /// open, so the task cannot have changed.
    private final long[] tickets;

    private volatile int finished;

    private WorkerTeam(int threads) {
        workers = new Thread[threads - 1];
        parked = new boolean[workers.length];
        tickets = new long[threads * APART];
    }

    /// Work that can be done in independent chunks.
    @FunctionalInterface
    public interface Task {
        /// Does one chunk.
        ///
        /// @param chunk from 0
        /// @param worker who does it, from 0 to one less than the team's threads; no two at a time have the
        ///     same number
        void run(int chunk, int worker);
    }

    /// Starts a team.
    ///
    /// @param threads including the caller; at least 1
    public static WorkerTeam of(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("A team needs at least 1 thread, not " + threads);
        }
        var team = new WorkerTeam(threads);
        for (var i = 0; i < team.workers.length; i++) {
            var number = i + 1;
            team.workers[i] =
                    Thread.ofPlatform().name("lowrank-rows-" + number).daemon().unstarted(() -> team.work(number));
        }
        for (var worker : team.workers) {
            worker.start();
        }
        return team;
    }

    /// Threads including the caller.
    public int threads() {
        return workers.length + 1;
    }

    /// Does all chunks of a task; returns when the last is done.
    ///
    /// @throws RuntimeException the first failure of a chunk, after all others ended
    public void run(Task work, int chunks) {
        if (closed) {
            throw new IllegalStateException("This team of workers was closed");
        }
        if (workers.length == 0 || chunks <= 1) {
            for (var chunk = 0; chunk < chunks; chunk++) {
                work.run(chunk, 0);
            }
            return;
        }
        task = work;
        finished = 0;
        for (var i = 0; i < threads(); i++) {
            var first = (long) chunks * i / threads();
            var end = (long) chunks * (i + 1) / threads();
            TICKETS.setVolatile(tickets, i * APART, end << CHUNK_BITS | first);
        }
        wakeParked();
        takeChunks(0);
        await(chunks);
        rethrow();
    }

    private void takeChunks(int worker) {
        var done = 0;
        for (var i = 0; i < threads(); i++) {
            done += takeChunksOf((worker + i) % threads(), worker);
        }
        if (done > 0) {
            FINISHED.getAndAdd(this, done);
        }
    }

    /// The first open chunk of one's own, the last one of somebody else's.
    private int takeChunksOf(int owner, int worker) {
        var done = 0;
        while (true) {
            var current = (long) TICKETS.getVolatile(tickets, owner * APART);
            var next = next(current);
            var end = end(current);
            if (next >= end) {
                return done;
            }
            var own = owner == worker;
            if (TICKETS.compareAndSet(
                    tickets, owner * APART, current, own ? current + 1 : current - (1L << CHUNK_BITS))) {
                try {
                    runOpenChunk((int) (own ? next : end - 1), worker);
                } catch (Throwable problem) {
                    failure = problem;
                }
                done++;
            }
        }
    }

    private static long next(long ticket) {
        return ticket & ((1L << CHUNK_BITS) - 1);
    }

    private static long end(long ticket) {
        return ticket >>> CHUNK_BITS;
    }

    private void runOpenChunk(int chunk, int worker) {
        var current = task;
        if (current == null) {
            throw new IllegalStateException("A chunk was open without a task");
        }
        current.run(chunk, worker);
    }

    private void await(int chunks) {
        var spins = 0;
        while (finished < chunks) {
            if (++spins < SPINS_BEFORE_YIELDING) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    private void rethrow() {
        var problem = failure;
        if (problem == null) {
            return;
        }
        failure = null;
        switch (problem) {
            case RuntimeException exception -> throw exception;
            case Error error -> throw error;
            default -> throw new IllegalStateException(problem);
        }
    }

    private void work(int number) {
        var spins = 0;
        while (!closed) {
            if (hasOpenChunk()) {
                takeChunks(number);
                spins = 0;
            } else if (++spins < SPINS_BEFORE_PARKING) {
                Thread.onSpinWait();
            } else {
                park(number - 1);
                spins = 0;
            }
        }
    }

    private boolean hasOpenChunk() {
        for (var i = 0; i < threads(); i++) {
            var current = (long) TICKETS.getVolatile(tickets, i * APART);
            if (next(current) < end(current)) {
                return true;
            }
        }
        return false;
    }

    /// The flag is set before the last look at the ticket, and the caller writes the ticket before it looks
    /// at the flag, so that one of the two always sees the other.
    private void park(int slot) {
        PARKED.setVolatile(parked, slot, true);
        if (!hasOpenChunk() && !closed) {
            LockSupport.park(this);
        }
        PARKED.setVolatile(parked, slot, false);
    }

    private void wakeParked() {
        for (var i = 0; i < workers.length; i++) {
            if ((boolean) PARKED.getVolatile(parked, i)) {
                LockSupport.unpark(workers[i]);
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        for (var worker : workers) {
            LockSupport.unpark(worker);
        }
    }
}
