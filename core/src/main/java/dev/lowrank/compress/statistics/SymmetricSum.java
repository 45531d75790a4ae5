package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;

/// A running `Σ xᵀx`: products in F32 within a batch, sums in F64 across batches, each pair of channels
/// multiplied once.
///
/// Column panels of the upper triangle are multiplied by what lies to their right only, which halves the
/// work as the matrix grows; [#matrix] mirrors it.
final class SymmetricSum {
    private static final long PANEL = 192;

    private final Tensor sum;
    private final long size;

    SymmetricSum(long size, TensorStore store) {
        this.size = size;
        this.sum = TensorScope.tidy(() -> store.keep(Tensors.zeros(DType.F64, size, size)));
    }

    /// Adds a batch.
    ///
    /// @param rows F32 `[tokens, size]`
    void add(Tensor rows) {
        TensorScope.tidyRun(() -> {
            for (var from = 0L; from < size; from += PANEL) {
                var start = from;
                var width = Math.min(PANEL, size - from);
                TensorScope.tidyRun(() -> sum.narrow(0, start, width)
                        .narrow(1, start, size - start)
                        .add_(rows.narrow(1, start, width)
                                .t()
                                .matmul(rows.narrow(1, start, size - start))
                                .to(DType.F64)));
            }
        });
    }

    /// Adds what another sum of the same size has gathered.
    void add(SymmetricSum other) {
        sum.add_(other.sum);
    }

    /// The whole symmetric matrix, `[size, size]`, in the innermost scope.
    Tensor matrix() {
        return TensorScope.tidy(() -> sum.triu(0).add(sum.triu(1).t()));
    }
}
