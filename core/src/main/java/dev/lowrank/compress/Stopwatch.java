package dev.lowrank.compress;

import java.util.function.Supplier;

/// Where the wall clock of a run goes.
final class Stopwatch {
    private final long start = System.nanoTime();
    private long calibrate;
    private long decompose;
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

    void decomposing(Runnable work) {
        var from = System.nanoTime();
        work.run();
        decompose += System.nanoTime() - from;
    }

    void writing(Runnable work) {
        var from = System.nanoTime();
        work.run();
        write += System.nanoTime() - from;
    }

    CompressionReport.Seconds seconds() {
        return new CompressionReport.Seconds(
                calibrate / 1e9, decompose / 1e9, write / 1e9, (System.nanoTime() - start) / 1e9);
    }
}
