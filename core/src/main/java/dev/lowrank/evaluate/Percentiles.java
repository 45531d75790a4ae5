package dev.lowrank.evaluate;

import java.util.Arrays;

/// How times spread: the time that a share of them does not exceed, by the nearest rank.
///
/// @param p50 of half of them
/// @param p90 of nine in ten
/// @param p99 of 99 in a hundred
public record Percentiles(double p50, double p90, double p99) {
    /// @param values at least one, in any order
    static Percentiles of(double... values) {
        var sorted = values.clone();
        Arrays.sort(sorted);
        return new Percentiles(at(sorted, 0.5), at(sorted, 0.9), at(sorted, 0.99));
    }

    private static double at(double[] sorted, double share) {
        return sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
    }
}
