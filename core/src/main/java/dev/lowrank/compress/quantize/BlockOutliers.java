package dev.lowrank.compress.quantize;

import dev.lowrank.tensor.BlockGrid;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import java.lang.foreign.MemorySegment;

/// What it would save to take single weights out of the blocks that a matrix is rounded to: their own
/// error, and for the extremes of a block, which its scale must span, that of all others.
///
/// Source: Dettmers et al., SpQR, arXiv:2306.03078, which takes each weight of a group out in turn.
/// Deviation: only the largest and the smallest weight that are left are, one after the other.
final class BlockOutliers {
    private static final int ROWS_OF_A_TASK = 64;

    private final DType type;
    private final double share;
    private final double[] costs;

    /// @param share of the weights that will be taken out
    /// @param costs of a squared error, by column
    BlockOutliers(DType type, double share, double[] costs) {
        this.type = type;
        this.share = share;
        this.costs = costs;
    }

    /// @param weights row by row, rows of whole blocks
    /// @return for each weight what taking it out would save
    double[] savings(double[] weights) {
        var columns = costs.length;
        var rows = weights.length / columns;
        var savings = new double[weights.length];
        Compute.each(Math.ceilDiv(rows, ROWS_OF_A_TASK), task -> {
            var block = new Block();
            for (var row = task * ROWS_OF_A_TASK; row < Math.min(rows, (task + 1) * ROWS_OF_A_TASK); row++) {
                for (var first = 0; first < columns; first += type.blockWeights()) {
                    block.savings(weights, row * columns + first, first, savings);
                }
            }
        });
        return savings;
    }

    /// One block after the other.
    private final class Block {
        private final int width = type.blockWeights();
        private final BlockGrid grid = new BlockGrid(type);
        private final MemorySegment scales = MemorySegment.ofArray(new byte[type.blockBytes()]);
        private final float[] weights = new float[width];
        private final boolean[] out = new boolean[width];
        private final double[] errors = new double[width];
        /// Twice as many as are taken out on average: blocks differ.
        private final int most = 1 + (int) Math.ceil(2 * share * width);

        void savings(double[] matrix, int from, int column, double[] savings) {
            for (var i = 0; i < width; i++) {
                weights[i] = (float) matrix[from + i];
                out[i] = false;
            }
            var loss = loss(column);
            System.arraycopy(errors, 0, savings, from, width);
            var limit = Double.POSITIVE_INFINITY;
            for (var taken = 0; taken < most; taken++) {
                var high = extreme(1);
                var low = extreme(-1);
                var withoutHigh = lossWithout(high, column);
                var withoutLow = high == low ? withoutHigh : lossWithout(low, column);
                var chosen = withoutHigh <= withoutLow ? high : low;
                var left = Math.min(withoutHigh, withoutLow);
                // What is taken out later counts on what was taken out before.
                limit = Math.min(limit, loss - left);
                if (limit <= savings[from + chosen]) {
                    return;
                }
                savings[from + chosen] = limit;
                out[chosen] = true;
                weights[chosen] = 0;
                loss = left;
            }
        }

        private int extreme(int sign) {
            var found = -1;
            for (var i = 0; i < width; i++) {
                if (!out[i] && (found < 0 || sign * weights[i] > sign * weights[found])) {
                    found = i;
                }
            }
            return found;
        }

        private double lossWithout(int place, int column) {
            var weight = weights[place];
            weights[place] = 0;
            out[place] = true;
            var loss = loss(column);
            weights[place] = weight;
            out[place] = false;
            return loss;
        }

        /// Cost of rounding what is not taken out, each weight to the nearest; leaves the parts in
        /// `errors`.
        private double loss(int column) {
            grid.fit(weights, 0, scales, 0);
            var sum = 0.0;
            for (var i = 0; i < width; i++) {
                var error = weights[i] - grid.round(i, weights[i]);
                errors[i] = out[i] ? 0 : error * error * costs[column + i];
                sum += errors[i];
            }
            return sum;
        }
    }
}
