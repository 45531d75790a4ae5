package dev.lowrank.evaluate.encoder;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/// How two rows of numbers go together.
final class Correlation {
    private Correlation() {}

    /// Pearson's coefficient; NaN where one row is constant.
    static double pearson(double[] x, double[] y) {
        var ofX = Arrays.stream(x).average().orElse(Double.NaN);
        var ofY = Arrays.stream(y).average().orElse(Double.NaN);
        var xx = 0.0;
        var yy = 0.0;
        var xy = 0.0;
        for (var i = 0; i < x.length; i++) {
            var dx = x[i] - ofX;
            var dy = y[i] - ofY;
            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
        return xy / Math.sqrt(xx * yy);
    }

    /// Spearman's coefficient: Pearson's of the ranks, equal values sharing the mean of theirs.
    static double spearman(double[] x, double[] y) {
        return pearson(ranks(x), ranks(y));
    }

    static double[] ranks(double[] values) {
        var order = IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> values[i]))
                .toList();
        var ranks = new double[values.length];
        for (var first = 0; first < values.length; ) {
            var end = first + 1;
            while (end < values.length && values[order.get(end)] == values[order.get(first)]) {
                end++;
            }
            for (var i = first; i < end; i++) {
                ranks[order.get(i)] = (first + end + 1) / 2.0;
            }
            first = end;
        }
        return ranks;
    }
}
