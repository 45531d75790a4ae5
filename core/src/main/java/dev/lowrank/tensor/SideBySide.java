package dev.lowrank.tensor;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.global.torch;

/// Operations on matrices whose rows or columns do not depend on each other, split over the cores that the
/// calling thread may use: OpenBLAS itself has one thread ([Compute]).
final class SideBySide {
    private SideBySide() {}

    /// Whether a product of two matrices is large enough, and this thread free enough, to be split. What a
    /// gradient is wanted of stays whole, and so does what oneDNN multiplies with threads of its own.
    static boolean pays(Tensor a, Tensor b) {
        return a.rank() == 2
                && b.rank() == 2
                && a.size(1) == b.size(0)
                && (a.dtype() == DType.F32 || a.dtype() == DType.F64)
                && !Grad.enabled()
                && Compute.worthSplitting(a.size(0), a.size(1), b.size(1));
    }

    /// `a b`, by rows of `a`.
    static Tensor product(Tensor a, Tensor b) {
        return TensorScope.tidy(() -> {
            var result = Tensors.empty(a.dtype(), a.size(0), b.size(1));
            each(a.size(0), (from, count) -> {
                var part = result.narrow(0, from, count);
                var rows = a.narrow(0, from, count);
                Native.run("matmul", () -> torch.mm_out(part.handle(), rows.handle(), b.handle()), part, rows, b);
            });
            return result;
        });
    }

    /// The same work on ranges of a dimension, its results in their places.
    ///
    /// @param work gives a tensor of its argument's shape
    static Tensor map(Tensor x, int dimension, UnaryOperator<Tensor> work) {
        if (Compute.threads() == 1) {
            return work.apply(x);
        }
        return TensorScope.tidy(() -> {
            var result = Tensors.empty(x.dtype(), x.shape().toArray());
            each(x.size(dimension), (from, count) -> {
                var part = work.apply(x.narrow(dimension, from, count));
                result.narrow(dimension, from, count).copy_(part);
            });
            return result;
        });
    }

    /// Works on equal ranges, one for each thread that the caller may use.
    static void each(long length, RangeWork work) {
        var parts = Compute.threads();
        Compute.each(
                parts,
                part -> TensorScope.tidyRun(() -> {
                    var from = length * part / parts;
                    var count = length * (part + 1) / parts - from;
                    if (count > 0) {
                        work.accept(from, count);
                    }
                }));
    }

    /// Work on a range, in a scope of its own.
    interface RangeWork {
        void accept(long from, long count);
    }
}
