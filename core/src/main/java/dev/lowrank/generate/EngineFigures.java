package dev.lowrank.generate;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/// What an engine counts; written by its thread, read by any.
final class EngineFigures {
    private final LongAdder promptTokens = new LongAdder();
    private final LongAdder cachedTokens = new LongAdder();
    private final LongAdder newTokens = new LongAdder();
    private final LongAdder steps = new LongAdder();
    private final LongAdder stepRows = new LongAdder();
    private final LongAdder completed = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final AtomicInteger failuresInRow = new AtomicInteger();
    private volatile boolean broken;
    private volatile int running;
    private volatile long reservedBytes;
    private volatile long keptBytes;

    void joined(int prompt, int cached) {
        promptTokens.add(prompt);
        cachedTokens.add(cached);
    }

    void stepped(int rows) {
        steps.increment();
        stepRows.add(rows);
    }

    void token() {
        newTokens.increment();
    }

    void succeeded() {
        completed.increment();
        failuresInRow.set(0);
    }

    void failed() {
        failures.increment();
        failuresInRow.incrementAndGet();
    }

    /// The engine itself ended by a failure.
    void broke() {
        broken = true;
    }

    void running(int sequences, long reserved, long kept) {
        running = sequences;
        reservedBytes = reserved;
        keptBytes = kept;
    }

    int running() {
        return running;
    }

    /// @param queued requests that wait
    EngineReport report(int queued) {
        return new EngineReport(
                running,
                queued,
                promptTokens.sum(),
                cachedTokens.sum(),
                newTokens.sum(),
                steps.sum(),
                stepRows.sum(),
                completed.sum(),
                failures.sum(),
                failuresInRow.get(),
                reservedBytes,
                keptBytes,
                broken);
    }
}
