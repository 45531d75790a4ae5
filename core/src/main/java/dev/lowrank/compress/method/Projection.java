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
/// they come from `Kᵀ K [in, in]`. Singular values below 1e-8 of the largest are lost to the squaring; what
/// they contribute to `W` is not where `U` is orthonormal, since `A = Uᵀ W` is computed from `W` itself.
final class Projection {
    /// Share of the largest singular value below which the others are rounding errors of a squared matrix.
    private static final double LOST = 1e-8;

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
    /// Where a site has more outputs than inputs nothing is done in the space of its outputs. With
    /// `G = M Mᵀ` and `Mᵀ (Wᵀ R W) M = V Σ² Vᵀ`, the basis is `W M V Σ⁻¹` and its dual `R W M V Σ⁻¹`. A
    /// component whose singular value is lost to the squaring is divided by the smallest that is not.
    ///
    /// @param metric of the inputs
    /// @param output `R`, F64 `[out, out]`, positive semi-definite
    static Decomposition twoSided(Problem problem, InputMetric metric, Tensor output) {
        var weight = problem.weight();
        return TensorScope.tidy(
                () -> metric.moment() instanceof SecondMoment.Input(var sum) && weight.size(0) > weight.size(1)
                        ? twoSidedTall(problem, metric, sum, output)
                        : twoSidedWide(problem, metric, output));
    }

    private static Decomposition twoSidedTall(Problem problem, InputMetric metric, Tensor sum, Tensor output) {
        var weight = problem.weight();
        var inner = PsdFactor.of(sum, problem.site().name());
        var felt = output.matmul(weight); // R W
        var right = inner.factor();
        var eigen = Linalg.eigh(right.t().matmul(weight.t().matmul(felt)).matmul(right));
        var singular = eigen.values().clampMin(0).sqrt();
        var largest = singular.max().item();
        var lengths = problem.leading(singular, 0).clampMin(largest > 0 ? LOST * largest : 1);
        var directions = right.matmul(problem.leading(eigen.vectors(), 1)).div(lengths); // M V Σ⁻¹
        var notes = new ArrayList<>(metric.notes());
        notes.addAll(inner.notes());
        return Decomposition.of(
                weight.matmul(directions), felt.matmul(directions), weight, singular, metric.mean(), notes);
    }

    private static Decomposition twoSidedWide(Problem problem, InputMetric metric, Tensor output) {
        var weight = problem.weight();
        var outer = PsdFactor.of(output, problem.site().name());
        var left = outer.factor();
        var sum = switch (metric.moment()) {
            case SecondMoment.Output(var outputs, var _) -> outputs;
            case SecondMoment.Input(var inputs) -> weight.matmul(inputs).matmul(weight.t());
        };
        var basis = fromOuter(left.t().matmul(sum).matmul(left));
        var u = problem.leading(basis.u(), 1);
        var notes = new ArrayList<>(metric.notes());
        notes.addAll(outer.notes());
        return Decomposition.of(
                outer.solveTransposed(u), left.matmul(u), weight, basis.singular(), metric.mean(), notes);
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
