package dev.lowrank.model;

import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.function.Function;

/// How the rows of a residual stream are shared by the threads: one part each where one prompt runs alone
/// (more and smaller parts fit the cache better, but every part packs all weights again), whole where
/// batches run side by side already, somebody watches, or gradients are
/// recorded.
///
/// @param count parts
/// @param seq rows in all
record RowParts(int count, long seq) {
    /// Rows that are worth a thread of their own.
    private static final long SMALLEST_PART = 32;

    /// Some rows.
    ///
    /// @param first from 0
    /// @param count at least 1
    record Rows(long first, long count) {
        /// These rows of `[batch, seq, width]`, borrowed.
        Tensor of(Tensor x) {
            return count == x.shape().size(1) ? x : x.narrow(1, first, count);
        }
    }

    /// Chooses the parts.
    ///
    /// @param hidden `[batch, seq, hidden]`
    static RowParts of(Tensor hidden, SiteTap tap) {
        var seq = hidden.shape().size(1);
        var alone = hidden.shape().size(0) == 1 && tap.equals(SiteTap.NONE) && !Grad.enabled();
        var threads = Compute.threads();
        return new RowParts(alone && seq >= SMALLEST_PART * threads ? threads * 1 : 1, seq);
    }

    /// Computes rows apart and joins them.
    ///
    /// @param width of a result's row
    /// @param work from rows to `[batch, rows, width]` F32, in the innermost scope
    /// @return `[batch, seq, width]`, in the innermost scope
    Tensor map(long width, Function<Rows, Tensor> work) {
        if (count == 1) {
            return TensorScope.tidy(() -> work.apply(new Rows(0, seq)));
        }
        var result = Tensors.empty(DType.F32, 1, seq, width);
        Compute.each(
                count,
                part -> TensorScope.tidyRun(() -> {
                    var first = seq * part / count;
                    var rows = new Rows(first, seq * (part + 1) / count - first);
                    rows.of(result).copy_(work.apply(rows));
                }));
        return result;
    }
}
