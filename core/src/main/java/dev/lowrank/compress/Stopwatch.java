package dev.lowrank.compress;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Where the wall clock of a run goes: one clock for the calibration that all jobs share, one for each job.
final class Stopwatch {
    private final long start = System.nanoTime();
    private long calibrate;
    private long decompose;
    private long allocate;
    private long write;

    void calibrating(Runnable work) {
        calibrating(() -> {
            work.run();
            return true;
        });
    }

    <T> T calibrating(Supplier<T> work) {
        var from = System.nanoTime();
        try {
            return work.get();
        } finally {
            calibrate += System.nanoTime() - from;
        }
    }

    void allocating(Runnable work) {
        var from = System.nanoTime();
        work.run();
        allocate += System.nanoTime() - from;
    }

    /// Counts calibration that was measured elsewhere.
    void calibrated(long nanos) {
        calibrate += nanos;
    }

    /// Counts work that was measured elsewhere.
    void decomposed(long nanos) {
        decompose += nanos;
    }

    /// Counts work that calibrates and decomposes in turn as decomposing.
    void calibratingAndDecomposing(Runnable work) {
        var from = System.nanoTime();
        work.run();
        decompose += System.nanoTime() - from;
    }

    void writing(Runnable work) {
        var from = System.nanoTime();
        work.run();
        write += System.nanoTime() - from;
    }

    /// @param shared the clock of the pass that several jobs share; null for a method that needed none
    CompressionReport.Seconds seconds(@Nullable Stopwatch shared) {
        return new CompressionReport.Seconds(
                shared == null ? 0 : shared.calibrate / 1e9,
                decompose / 1e9,
                (shared == null ? 0 : shared.allocate / 1e9),
                write / 1e9,
                (System.nanoTime() - start) / 1e9);
    }
}
