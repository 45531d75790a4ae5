package dev.lowrank.compress.quantize;

import dev.lowrank.tensor.BlockGrid;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/// Rounds a matrix to blocks column by column; what a column loses is made good by the columns behind it,
/// as far as inputs are correlated.
///
/// Source: Frantar et al., GPTQ, arXiv:2210.17323. Deviations: the scales are those of the block type,
/// fixed from the weights as they stand when the first column of a block is reached; F64 throughout.
public final class FeedbackRounding {
    /// Columns whose errors are gathered before the columns behind them are corrected.
    private static final int CHUNK = 128;

    private static final int ROWS_OF_A_TASK = 64;

    private final RoundingMetric metric;
    private final DType type;

    /// @param metric borrowed
    /// @param type a block type that is written
    public FeedbackRounding(RoundingMetric metric, DType type) {
        this.metric = metric;
        this.type = type;
    }

    /// @param weight F64 `[out, in]`, rows of whole blocks
    /// @param arena owner of the result; shared between threads
    /// @return blocks `[out, in]`
    public HostTensor round(Tensor weight, Arena arena) {
        return round(weight, null, arena);
    }

    /// The same where the error of some weights is of no matter and not passed on.
    ///
    /// @param spared these, row by row; null for none
    HostTensor round(Tensor weight, @Nullable BitSet spared, Arena arena) {
        var rows = (int) weight.size(0);
        var columns = (int) weight.size(1);
        var target = arena.allocate(type.bytes((long) rows * columns), 64);
        TensorScope.tidyRun(() -> {
            var work = weight.contiguous().copy();
            var chunk = Math.max(CHUNK, type.blockWeights());
            for (var start = 0; start < columns; start += chunk) {
                var first = start;
                TensorScope.tidyRun(() -> round(work, first, Math.min(chunk, columns - first), spared, target));
            }
        });
        return new HostTensor(type, weight.shape(), target);
    }

    private void round(Tensor work, int start, int width, @Nullable BitSet spared, MemorySegment target) {
        var rows = (int) work.size(0);
        var columns = (int) work.size(1);
        var weights = work.narrow(1, start, width).contiguous().toDoubles();
        var feedback = metric.feedback().narrow(0, start, width);
        var near = feedback.narrow(1, start, width).contiguous().toDoubles();
        var rowBytes = type.bytes(columns);
        var tasks = Math.ceilDiv(rows, ROWS_OF_A_TASK);
        Compute.each(tasks, task -> {
            var row = new Row(width, near, spared);
            for (var i = task * ROWS_OF_A_TASK; i < Math.min(rows, (task + 1) * ROWS_OF_A_TASK); i++) {
                row.place = i * columns + start;
                row.round(weights, i * width, target, i * rowBytes + type.bytes(start));
            }
        });
        var rest = columns - start - width;
        if (rest > 0) {
            // The weights are replaced by the errors that they leave behind.
            var errors = Tensors.ofDoubles(weights, rows, width).neg();
            work.narrow(1, start + width, rest).addMatmul_(errors, feedback.narrow(1, start + width, rest));
        }
    }

    /// Rounds a row's part of a chunk.
    private final class Row {
        private final int width;
        private final double[] near;
        private final @Nullable BitSet spared;
        private final BlockGrid grid = new BlockGrid(type);
        private final float[] block = new float[type.blockWeights()];
        /// Of the part's first weight in the matrix.
        private int place;

        Row(int width, double[] near, @Nullable BitSet spared) {
            this.width = width;
            this.near = near;
            this.spared = spared;
        }

        /// @param weights of the part from `from` on; replaced by their errors in units of the feedback
        void round(double[] weights, int from, MemorySegment target, long at) {
            for (var first = 0; first < width; first += block.length) {
                for (var i = 0; i < block.length; i++) {
                    block[i] = (float) weights[from + first + i];
                }
                var address = at + type.bytes(first);
                grid.fit(block, 0, target, address);
                for (var i = 0; i < block.length; i++) {
                    column(weights, from, first + i, i);
                }
                grid.write(target, address);
            }
        }

        private void column(double[] weights, int from, int column, int inBlock) {
            var weight = weights[from + column];
            var line = column * width;
            var rounded = grid.round(inBlock, weight);
            var matters = spared == null || !spared.get(place + column);
            var error = matters ? (weight - rounded) / near[line + column] : 0;
            weights[from + column] = error;
            for (var k = column + 1; error != 0 && k < width; k++) {
                weights[from + k] -= error * near[line + k];
            }
        }
    }
}
