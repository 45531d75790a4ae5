package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;

/// A running `Σ xᵀx`: products and sums of up to 2048 tokens in F32, sums of these in F64, each pair of
/// channels multiplied once.
///
/// Column panels of the upper triangle are multiplied by what lies to their right only, which halves the
/// work as the matrix grows; [#matrix] mirrors it.
final class SymmetricSum {
    private static final long PANEL = 192;
    /// Tokens whose products are summed in F32: a longer sum would lose digits, and to fold a shorter one
    /// into F64 would take as long as its product.
    private static final long FOLDED = 2048;

    private final Tensor sum;
    private final Tensor pending;
    private final long size;
    private long tokens;

    SymmetricSum(long size, TensorStore store) {
        this.size = size;
        this.sum = TensorScope.tidy(() -> store.keep(Tensors.zeros(DType.F64, size, size)));
        this.pending = TensorScope.tidy(() -> store.keep(Tensors.zeros(DType.F32, size, size)));
    }

    /// Adds a batch.
    ///
    /// @param rows F32 `[tokens, size]`
    void add(Tensor rows) {
        for (var from = 0L; from < rows.size(0); from += FOLDED) {
            var start = from;
            TensorScope.tidyRun(() -> addPart(rows.narrow(0, start, Math.min(FOLDED, rows.size(0) - start))));
        }
    }

    private void addPart(Tensor rows) {
        if (tokens > 0 && tokens + rows.size(0) > FOLDED) {
            fold();
        }
        tokens += rows.size(0);
        panels((start, width) -> right(pending, start, width)
                .addMatmul_(rows.narrow(1, start, width).t(), rows.narrow(1, start, size - start)));
    }

    /// Adds what another sum of the same size has gathered.
    void add(SymmetricSum other) {
        fold();
        other.fold();
        sum.add_(other.sum);
    }

    /// The whole symmetric matrix, `[size, size]`, in the innermost scope.
    Tensor matrix() {
        fold();
        return TensorScope.tidy(() -> sum.triu(0).add(sum.triu(1).t()));
    }

    private void fold() {
        if (tokens > 0) {
            panels((start, width) -> {
                var part = right(pending, start, width);
                right(sum, start, width).add_(part.to(DType.F64));
                part.fill_(0);
            });
            tokens = 0;
        }
    }

    /// Rows of a panel from the diagonal on, a view.
    private Tensor right(Tensor matrix, long start, long width) {
        return matrix.narrow(0, start, width).narrow(1, start, size - start);
    }

    private void panels(PanelWork work) {
        for (var from = 0L; from < size; from += PANEL) {
            var start = from;
            TensorScope.tidyRun(() -> work.accept(start, Math.min(PANEL, size - start)));
        }
    }

    private interface PanelWork {
        void accept(long start, long width);
    }
}
