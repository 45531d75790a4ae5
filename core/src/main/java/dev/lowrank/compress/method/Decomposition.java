package dev.lowrank.compress.method;

import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A site's weight as a sum of rank-one components in falling order, `W = Σ_i B_i A_i`: one decomposition
/// serves every rank. F64.
///
/// @param b `[out, k]`, column `i` is `B_i`
/// @param a `[k, in]`, row `i` is `A_i`
/// @param dual `[out, k]` with `A = dualᵀ W`; the same tensor as `b` where its columns are orthonormal
/// @param singular descending, one for each component, those included that [Problem#wanted] left out;
///     dropping component `i` costs `singular_i²` in the method's metric
/// @param mean the mean input `[in]` if the method restores the mean output by a bias, else null
/// @param notes every fallback that was taken, for the manifest; usually empty
public record Decomposition(
        Tensor b,
        Tensor a,
        Tensor dual,
        Tensor singular,
        @Nullable Tensor mean,
        List<String> notes) implements TensorOwner {
    /// From a basis and its dual.
    ///
    /// @param weight `W`, F64 `[out, in]`
    public static Decomposition of(
            Tensor b, Tensor dual, Tensor weight, Tensor singular, @Nullable Tensor mean, List<String> notes) {
        return new Decomposition(b, dual.t().matmul(weight), dual, singular, mean, notes);
    }

    /// Number of components.
    public int components() {
        return (int) singular.size(0);
    }

    /// The leading components, borrowed views.
    public Factors leading(int rank) {
        return new Factors(b.narrow(1, 0, rank), null, a.narrow(0, 0, rank));
    }

    /// Relative error of keeping `rank` components, in the method's metric: `√(Σ_{i>r} σ² / Σ σ²)`.
    public double relativeError(int rank) {
        var values = singular.toDoubles();
        var tail = 0.0;
        var total = 0.0;
        for (var i = values.length - 1; i >= 0; i--) {
            total += values[i] * values[i];
            if (i >= rank) {
                tail = total;
            }
        }
        return total == 0 ? 0 : Math.sqrt(tail / total);
    }

    @Override
    public List<Tensor> tensors() {
        return Stream.of(b, a, dual, singular, mean)
                .filter(Objects::nonNull)
                .map(Tensor.class::cast)
                .toList();
    }
}
