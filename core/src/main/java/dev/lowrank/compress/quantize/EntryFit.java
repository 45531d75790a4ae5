package dev.lowrank.compress.quantize;

import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Fits single entries to the error that another form leaves.
///
/// An error `E` costs `tr(E G Eᵀ)`. The entry that saves most alone is where `(E G)²ᵢⱼ / Gⱼⱼ` is largest;
/// the entries of a row are then fitted together by coordinate descent, which never loses.
final class EntryFit {
    private static final int SWEEPS = 30;
    private static final int ROWS_OF_A_TASK = 64;

    private final @Nullable Tensor moment;

    /// @param moment `G`, F64 `[in, in]`, borrowed; null where every error costs its square
    EntryFit(@Nullable Tensor moment) {
        this.moment = moment;
    }

    /// What each entry would save alone.
    ///
    /// @param error F64 `[out, in]`
    double[] savings(Tensor error) {
        try (var _ = TensorScope.open()) {
            if (moment == null) {
                return error.square().contiguous().toDoubles();
            }
            var energy = moment.diagonal().clampMin(Double.MIN_NORMAL);
            return error.matmul(moment).square().div(energy).contiguous().toDoubles();
        }
    }

    /// The places of the largest numbers, ascending; of equal ones the first.
    static long[] largest(double[] numbers, int count) {
        var sorted = numbers.clone();
        Arrays.sort(sorted);
        var least = sorted[sorted.length - count];
        var places = new long[count];
        var equal = count;
        for (var number : numbers) {
            equal -= number > least ? 1 : 0;
        }
        var found = 0;
        for (var i = 0; i < numbers.length; i++) {
            var taken = numbers[i] > least || numbers[i] == least && equal-- > 0;
            if (taken) {
                places[found++] = i;
            }
        }
        return places;
    }

    /// The values of some entries that leave least of an error.
    ///
    /// @param error F64 `[out, in]`
    /// @param places `row * in + column`, ascending
    double[] values(Tensor error, long[] places) {
        var values = new double[places.length];
        if (moment == null) {
            var errors = error.contiguous().toDoubles();
            Arrays.setAll(values, i -> errors[(int) places[i]]);
            return values;
        }
        try (var _ = TensorScope.open();
                var arena = Arena.ofShared()) {
            var columns = (int) error.size(1);
            var pull = error.matmul(moment).contiguous().toDoubles();
            var metric = moment.contiguous().toHost(DType.F64, arena).data();
            var rows = (int) error.size(0);
            var starts = starts(places, rows, columns);
            Compute.each(Math.ceilDiv(rows, ROWS_OF_A_TASK), task -> {
                for (var row = task * ROWS_OF_A_TASK; row < Math.min(rows, (task + 1) * ROWS_OF_A_TASK); row++) {
                    var own = Arrays.copyOfRange(places, starts[row], starts[row + 1]);
                    var fitted = row(own, columns, pull, metric);
                    System.arraycopy(fitted, 0, values, starts[row], fitted.length);
                }
            });
        }
        return values;
    }

    private static int[] starts(long[] places, int rows, int columns) {
        var starts = new int[rows + 1];
        for (var place : places) {
            starts[(int) (place / columns) + 1]++;
        }
        Arrays.parallelPrefix(starts, Integer::sum);
        return starts;
    }

    /// @param pull `E G`, of which the row's part follows the values
    private static double[] row(long[] places, int columns, double[] pull, MemorySegment metric) {
        var n = places.length;
        var left = new double[n];
        var near = new double[n * n];
        for (var i = 0; i < n; i++) {
            left[i] = pull[(int) places[i]];
            for (var j = 0; j < n; j++) {
                near[i * n + j] =
                        metric.getAtIndex(HostTensor.DOUBLE, (places[i] % columns) * columns + places[j] % columns);
            }
        }
        var values = new double[n];
        for (var sweep = 0; sweep < SWEEPS; sweep++) {
            for (var i = 0; i < n; i++) {
                var energy = near[i * n + i];
                var step = energy > 0 ? left[i] / energy : 0;
                values[i] += step;
                for (var j = 0; j < n; j++) {
                    left[j] -= step * near[i * n + j];
                }
            }
        }
        return values;
    }
}
