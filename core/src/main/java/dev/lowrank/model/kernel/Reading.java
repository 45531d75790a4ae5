package dev.lowrank.model.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/// Memory that a team reads from end to end and does nothing else with: the limit of what computes with it.
/// What is read is summed, so that no compiler leaves the reading out.
public final class Reading {
    private static final long CHUNK = 1L << 20;
    /// Until the loop is compiled passes do not count.
    private static final int WARM_PASSES = 2;

    private static final int LEAST_PASSES = 4;
    private static final double LEAST_SECONDS = 0.05;

    private final List<MemorySegment> chunks = new ArrayList<>();
    private final long bytes;
    private final long[] sums;
    private final WorkerTeam team;

    /// @param memory stretches of whole longs
    /// @param team reads
    public Reading(List<MemorySegment> memory, WorkerTeam team) {
        for (var stretch : memory) {
            for (var at = 0L; at < stretch.byteSize(); at += CHUNK) {
                chunks.add(stretch.asSlice(at, Math.min(CHUNK, stretch.byteSize() - at)));
            }
        }
        bytes = chunks.stream().mapToLong(MemorySegment::byteSize).sum();
        sums = new long[chunks.size()];
        this.team = team;
    }

    /// Reads several times, for 0.05 s at least.
    ///
    /// @return bytes a second, the mean
    public double bytesPerSecond() {
        for (var i = 0; i < WARM_PASSES; i++) {
            pass();
        }
        var passes = 0;
        var start = System.nanoTime();
        var seconds = 0.0;
        while (passes < LEAST_PASSES || seconds < LEAST_SECONDS) {
            pass();
            passes++;
            seconds = (System.nanoTime() - start) / 1e9;
        }
        return passes * (double) bytes / seconds;
    }

    /// Reads all of it once.
    ///
    /// @return the sum of its longs
    long pass() {
        team.run((chunk, _) -> sums[chunk] = sum(chunks.get(chunk)), sums.length);
        var sum = 0L;
        for (var part : sums) {
            sum += part;
        }
        return sum;
    }

    private static long sum(MemorySegment chunk) {
        var sum = 0L;
        for (var at = 0L; at < chunk.byteSize(); at += Long.BYTES) {
            sum += chunk.get(ValueLayout.JAVA_LONG, at);
        }
        return sum;
    }
}
