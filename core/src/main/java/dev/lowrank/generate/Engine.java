package dev.lowrank.generate;

import dev.lowrank.generate.GenerationException.Code;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.text.Tokenizer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Continues many texts at once with one model. Requests may be submitted from any thread; one platform
/// thread computes, and calls the listeners, which must not wait for anything.
public final class Engine implements AutoCloseable {
    /// A request and who is told of it.
    ///
    /// @param listener called by the engine's thread
    public record Submission(GenerationRequest request, Consumer<GenerationEvent> listener) {}

    private enum State {
        RUNNING,
        DRAINING,
        CLOSED
    }

    private final Tokenizer tokenizer;
    private final EngineOptions options;
    private final EngineFigures figures = new EngineFigures();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<Job> queue = new ArrayDeque<>();
    private final DecoderSpec spec;
    private final Thread thread;
    private State state = State.RUNNING;

    private Engine(String name, BatchModel.Opening opening, Tokenizer tokenizer, EngineOptions options) {
        this.tokenizer = tokenizer;
        this.options = options;
        var opened = new CompletableFuture<DecoderSpec>();
        thread = Thread.ofPlatform().name("engine " + name).daemon().unstarted(() -> run(opening, opened));
        thread.start();
        spec = opened.join();
    }

    /// Starts one; waits until the model is open.
    ///
    /// @param name for the thread's name
    /// @param opening called on the engine's thread
    /// @param tokenizer of the model, borrowed
    /// @throws java.util.concurrent.CompletionException with what the opening threw
    public static Engine start(String name, BatchModel.Opening opening, Tokenizer tokenizer, EngineOptions options) {
        return new Engine(name, opening, tokenizer, options);
    }

    /// Submits requests that are taken back together; they count as one in the queue.
    ///
    /// @throws GenerationException if the queue is full, a request can never fit, or the engine is closing
    /// @throws IllegalArgumentException if a prompt and its continuation are beyond the context
    public Ticket submit(List<Submission> submissions) {
        var ticket = new Ticket(this::wake);
        var jobs = new ArrayList<Job>(submissions.size());
        for (var submission : submissions) {
            check(submission.request());
            jobs.add(new Job(submission.request(), submission.listener(), ticket));
        }
        lock.lock();
        try {
            if (state != State.RUNNING) {
                throw new GenerationException(Code.CLOSED, "The server is shutting down");
            }
            var free = Math.max(0, options.parallel() - figures.running());
            if (queued() >= options.queue() + free) {
                throw new GenerationException(
                        Code.QUEUE_FULL, "All places are taken and " + queued() + " requests wait already");
            }
            queue.addAll(jobs);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        return ticket;
    }

    private void check(GenerationRequest request) {
        if (request.positions() > options.context() || request.positions() > spec.maxPositions()) {
            throw new IllegalArgumentException("The prompt has " + request.prompt().length + " tokens and "
                    + request.maxTokens() + " more were asked for; the context is "
                    + Math.min(options.context(), spec.maxPositions()));
        }
        var bytes = request.choices() * SequenceCache.bytes(spec, options.cacheType(), request.positions());
        if (bytes > options.cacheBytes()) {
            throw new GenerationException(
                    Code.TOO_LARGE,
                    "The request needs " + bytes + " bytes for keys and values, there are " + options.cacheBytes());
        }
    }

    /// Requests that wait. Those of one submission stand together.
    private int queued() {
        var tickets = new HashSet<Ticket>();
        queue.forEach(job -> tickets.add(job.ticket()));
        return tickets.size();
    }

    /// What it has done and is doing.
    public EngineReport report() {
        lock.lock();
        try {
            return figures.report(queued());
        } finally {
            lock.unlock();
        }
    }

    /// What it runs.
    public DecoderSpec spec() {
        return spec;
    }

    private void run(BatchModel.Opening opening, CompletableFuture<DecoderSpec> opened) {
        try (var model = opening.open();
                var scheduler = new Scheduler(model, tokenizer, options, figures)) {
            opened.complete(model.spec());
            try {
                while (await(scheduler)) {
                    admit(scheduler);
                    scheduler.turn();
                }
            } finally {
                scheduler.jobs().forEach(Engine::refuse);
            }
        } catch (RuntimeException | Error failure) {
            opened.completeExceptionally(failure);
            figures.broke();
        } finally {
            lock.lock();
            try {
                state = State.CLOSED;
                queue.forEach(Engine::refuse);
                queue.clear();
            } finally {
                lock.unlock();
            }
        }
    }

    private static void refuse(Job job) {
        job.fail(new GenerationException(Code.CLOSED, "The server is shutting down"));
    }

    /// Waits for something to do.
    ///
    /// @return whether there is; not when the engine ends
    private boolean await(Scheduler scheduler) {
        lock.lock();
        try {
            var idle = scheduler.running() == 0;
            while (idle && queue.isEmpty() && state == State.RUNNING) {
                changed.awaitUninterruptibly();
            }
            return state != State.CLOSED && !(idle && queue.isEmpty());
        } finally {
            lock.unlock();
        }
    }

    private void admit(Scheduler scheduler) {
        for (var job = next(); job != null && scheduler.join(job); job = next()) {
            lock.lock();
            try {
                queue.remove(job);
            } finally {
                lock.unlock();
            }
        }
    }

    private @Nullable Job next() {
        lock.lock();
        try {
            queue.removeIf(Job::isCancelled);
            return queue.peek();
        } finally {
            lock.unlock();
        }
    }

    private void wake() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// Ends the engine: it takes nothing more, finishes what it has if that is through in time, and refuses
    /// the rest.
    ///
    /// @param patience for what runs and waits
    public void close(Duration patience) {
        move(State.DRAINING);
        if (!joined(patience)) {
            move(State.CLOSED);
            joined(Duration.ofDays(1));
        }
    }

    private void move(State next) {
        lock.lock();
        try {
            if (state != State.CLOSED) {
                state = next;
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private boolean joined(Duration patience) {
        try {
            return thread.join(patience);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void close() {
        close(Duration.ZERO);
    }
}
