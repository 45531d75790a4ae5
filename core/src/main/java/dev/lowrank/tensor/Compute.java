package dev.lowrank.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.global.torch;

/// How many cores tensor work may use, and the one way to spread independent work over them. Results depend
/// on the number in the last bits: the same seed and the same thread count give the same bytes.
///
/// OpenBLAS always runs with one thread: its own threads spin against LibTorch's (attention over 8 heads of
/// 512 positions took 816 ms with two BLAS threads inside and 7 ms with one; an eigen-decomposition of
/// order 576 took 1035 and 55 ms), and its parallel LU keeps tables on the stack that a Java thread does
/// not have. Large products are split over rows here instead, and whole batches and sites run side by side.
public final class Compute {
    /// A product below this many multiplications is not worth handing to another thread.
    private static final long WORTH_SPLITTING = 8_000_000;

    private Compute() {}

    /// Sets the threads that one operation of the calling thread may use; call once, at the start.
    ///
    /// @param threads at least 1
    public static void setThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("Threads must be at least 1, but were " + threads);
        }
        Native.run("set_num_threads", () -> torch.set_num_threads(threads));
    }

    /// @return threads that one operation of the calling thread may use; 1 inside [#each]
    public static int threads() {
        return torch.get_num_threads();
    }

    /// One BLAS thread, whatever the machine has; called when LibTorch is first used.
    static void serialBlas() {
        openblas_nolapack.blas_set_num_threads(1);
    }

    /// Runs independent tasks side by side, each on one core, the calling thread among the workers. Which
    /// worker runs a task is not fixed, so a task must not depend on another; tasks that sum must each have
    /// a sum of their own. Gradient mode is the caller's. Nested calls run one after the other.
    ///
    /// @param tasks number of tasks
    /// @param task runs task `i`; opens its own scope
    /// @throws RuntimeException the first failure of a task, after the others have stopped
    public static void each(int tasks, IntConsumer task) {
        var before = threads();
        var workers = Math.min(before, tasks);
        if (workers <= 1) {
            for (var i = 0; i < tasks; i++) {
                task.accept(i);
            }
            return;
        }
        var next = new AtomicInteger();
        var gradients = GradMode.is_enabled();
        var others = new ArrayList<ComputeThread.Job>();
        for (var i = 1; i < workers; i++) {
            others.add(ComputeThread.start(() -> {
                torch.set_num_threads(1);
                GradMode.set_enabled(gradients);
                drain(next, tasks, task);
            }));
        }
        torch.set_num_threads(1);
        try {
            drain(next, tasks, task);
        } finally {
            torch.set_num_threads(before);
            next.set(tasks);
            await(others);
        }
    }

    private static void drain(AtomicInteger next, int tasks, IntConsumer task) {
        try {
            for (var i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
                task.accept(i);
            }
        } catch (RuntimeException | Error failure) {
            next.set(tasks);
            throw failure;
        }
    }

    private static void await(List<ComputeThread.Job> others) {
        Throwable failed = null;
        for (var other : others) {
            var failure = other.await();
            failed = failure == null ? failed : failure;
        }
        switch (failed) {
            case null -> {}
            case RuntimeException exception -> throw exception;
            case Error error -> throw error;
            default -> throw new IllegalStateException(failed);
        }
    }

    /// Whether a product is large enough, and this thread free enough, to split its rows over the workers.
    static boolean worthSplitting(long rows, long inner, long columns) {
        return rows * inner * columns >= WORTH_SPLITTING && threads() > 1;
    }
}
