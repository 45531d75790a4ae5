package dev.lowrank.model;

import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// How the rows of a residual stream are shared by the threads: one part each where one prompt runs alone,
/// whole where batches run side by side already, somebody watches, or gradients are recorded.
///
/// @param parts one after the other
record RowParts(List<Rows> parts) {
    /// Rows that are worth a thread of their own.
    private static final long SMALLEST_PART = 32;

    /// Some rows.
    ///
    /// @param first from 0
    /// @param count at least 1
    record Rows(long first, long count) {
        /// These rows of `[batch, seq, width]`, borrowed.
        Tensor of(Tensor x) {
            return count == x.size(1) ? x : x.narrow(1, first, count);
        }
    }

    /// Parts of equal size.
    ///
    /// @param hidden `[batch, seq, hidden]`
    static RowParts equal(Tensor hidden, SiteTap tap) {
        return growing(hidden, tap, 0);
    }

    /// Parts of equal work where later rows cost more.
    ///
    /// @param hidden `[batch, seq, hidden]`
    /// @param growth what each row costs more than the one before it, in costs of the first
    static RowParts growing(Tensor hidden, SiteTap tap, double growth) {
        var seq = hidden.size(1);
        var alone = hidden.size(0) == 1 && tap.equals(SiteTap.NONE) && !Grad.enabled();
        var threads = Compute.threads();
        var count = alone && seq >= SMALLEST_PART * threads ? threads : 1;
        var parts = new ArrayList<Rows>();
        var first = 0L;
        for (var part = 1; part <= count; part++) {
            var end = part == count ? seq : end(seq, growth, (double) part / count);
            parts.add(new Rows(first, end - first));
            first = end;
        }
        return new RowParts(parts);
    }

    /// Where a share of the work ends: row i costs `1 + growth i`.
    private static long end(long seq, double growth, double share) {
        if (growth == 0) {
            return Math.round(seq * share);
        }
        var work = share * (seq + growth * seq * seq / 2);
        return Math.round((Math.sqrt(1 + 2 * growth * work) - 1) / growth);
    }

    /// Computes rows apart and joins them.
    ///
    /// @param width of a result's row
    /// @param dtype of the result
    /// @param work from rows to `[batch, rows, width]`, in the innermost scope
    /// @return `[batch, seq, width]`, in the innermost scope
    Tensor map(long width, DType dtype, Function<Rows, Tensor> work) {
        if (parts.size() == 1) {
            return TensorScope.tidy(() -> work.apply(parts.getFirst()).to(dtype));
        }
        var last = parts.getLast();
        var result = Tensors.empty(dtype, 1, last.first() + last.count(), width);
        Compute.each(
                parts.size(),
                part -> TensorScope.tidyRun(() -> {
                    var rows = parts.get(part);
                    rows.of(result).copy_(work.apply(rows));
                }));
        return result;
    }
}
