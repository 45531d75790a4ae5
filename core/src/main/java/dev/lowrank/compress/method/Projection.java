package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.SecondMoment;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.PsdFactor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The one projection under the methods: with `G = L Lᵀ` and `K = W L = U Σ Vᵀ`, the best rank-r matrix in
/// the metric `G` is `U_r U_rᵀ W`, its loss the dropped tail `Σ_{i>r} σ_i²` (compression.md, section 1).
///
/// No factor of `G` is ever inverted. Where a site has no more outputs than inputs, `G` is not even
/// factored: `U` and `Σ²` are the eigenvectors and eigenvalues of `C = K Kᵀ = W G Wᵀ [out, out]`. Elsewhere
/// they come from `Kᵀ K [in, in]`, and an orthogonalisation keeps the small components exact. Singular
/// values below 1e-8 of the largest are lost to the squaring; what they contribute to `W` is not, since `A
/// = Uᵀ W` is computed from `W` itself.
final class Projection {
    private Projection() {}

    /// Plain Frobenius metric.
    static Decomposition plain(Tensor weight) {
        return TensorScope.tidy(() -> from(weight).decomposition(weight, null, List.of()));
    }

    /// Diagonal column metric: column `j` of the error counts `scale_j²`.
    ///
    /// @param scale `[in]`, positive
    /// @param mean the mean input `[in]` whose output a bias gives back; null for none
    static Decomposition scaled(Tensor weight, Tensor scale, @Nullable Tensor mean) {
        return TensorScope.tidy(() -> from(weight.mul(scale)).decomposition(weight, mean, List.of()));
    }

    /// The metric of what the site's inputs really are.
    ///
    /// @param metric of the inputs
    /// @param subject names the site in errors
    static Decomposition whitened(Tensor weight, InputMetric metric, String subject) {
        return TensorScope.tidy(() -> {
            var notes = new ArrayList<>(metric.notes());
            var basis = switch (metric.moment()) {
                case SecondMoment.Output(var sum, var _) -> fromOuter(sum);
                case SecondMoment.Input(var gram) -> {
                    if (weight.size(0) <= weight.size(1)) {
                        yield fromOuter(weight.matmul(gram).matmul(weight.t()));
                    }
                    var factor = PsdFactor.of(gram, subject);
                    notes.addAll(factor.notes());
                    yield fromTall(weight.matmul(factor.factor()));
                }
            };
            return basis.decomposition(weight, metric.mean(), notes);
        });
    }

    /// The metric of what the site's inputs really are on one side and, on the other, of what the loss
    /// feels at its output: the loss of an error `E` is `tr(Eᵀ R E G)`. With `R = L Lᵀ`, `Lᵀ W` is
    /// decomposed in the metric `G` and `L⁻ᵀ` undoes the factor.
    ///
    /// @param metric of the inputs
    /// @param output `R`, F64 `[out, out]`, positive semi-definite
    static Decomposition twoSided(Tensor weight, InputMetric metric, Tensor output, String subject) {
        return TensorScope.tidy(() -> {
            var outer = PsdFactor.of(output, subject);
            var left = outer.factor();
            var felt = left.t().matmul(weight);
            var notes = new ArrayList<>(metric.notes());
            notes.addAll(outer.notes());
            var basis = switch (metric.moment()) {
                case SecondMoment.Output(var sum, var _) ->
                    fromOuter(left.t().matmul(sum).matmul(left));
                case SecondMoment.Input(var sum) -> {
                    if (weight.size(0) <= weight.size(1)) {
                        yield fromOuter(felt.matmul(sum).matmul(felt.t()));
                    }
                    var inner = PsdFactor.of(sum, subject);
                    notes.addAll(inner.notes());
                    yield fromTall(felt.matmul(inner.factor()));
                }
            };
            return Decomposition.of(
                    outer.solveTransposed(basis.u()),
                    left.matmul(basis.u()),
                    weight,
                    basis.singular(),
                    metric.mean(),
                    notes);
        });
    }

    /// An orthonormal basis of the outputs and the singular values that belong to it.
    ///
    /// @param u `[out, k]`
    /// @param singular `[k]`
    private record Basis(Tensor u, Tensor singular) implements TensorOwner {
        Decomposition decomposition(Tensor weight, @Nullable Tensor mean, List<String> notes) {
            return Decomposition.of(u, u, weight, singular, mean, notes);
        }

        @Override
        public List<Tensor> tensors() {
            return List.of(u, singular);
        }
    }

    /// From `K [out, in]`, by its smaller side.
    private static Basis from(Tensor k) {
        return k.size(0) <= k.size(1) ? fromOuter(k.matmul(k.t())) : fromTall(k);
    }

    /// From `K Kᵀ [out, out]`.
    private static Basis fromOuter(Tensor outer) {
        var eigen = Linalg.eigh(outer);
        return new Basis(eigen.vectors(), eigen.values().clampMin(0).sqrt());
    }

    /// From a tall `K [out, in]`: `K V` has orthogonal columns of length `σ`; QR makes them orthonormal
    /// even where `σ` vanishes, and as the diagonal of `R` is not negative `U` stays `K V / σ`.
    private static Basis fromTall(Tensor k) {
        var eigen = Linalg.eigh(k.t().matmul(k));
        var qr = Linalg.qr(k.matmul(eigen.vectors()));
        return new Basis(qr.q(), eigen.values().clampMin(0).sqrt());
    }
}
