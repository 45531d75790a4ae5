package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.PsdFactor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// `H = Σ x' x'ᵀ` and `C − H = Σ (x − x') x'ᵀ` of a site's inputs in the whole model, `x`, and in the
/// compressed one, `x'`. Products in F32 within a batch, sums in F64.
///
/// Where one site alone is fed and has fewer outputs than inputs, `W (C − H)` is summed in place of
/// `C − H`.
public final class CrossMoment {
    private final SymmetricSum seen;
    private final @Nullable Tensor weight;
    private final Tensor difference;
    private long tokens;

    /// @param in inputs of the site
    /// @param weight `W [out, in]` to sum `W (C − H)`, of the type to multiply `x − x'` in; null to sum
    ///     `C − H`; borrowed
    /// @param store owner of the sums
    public CrossMoment(long in, @Nullable Tensor weight, TensorStore store) {
        this.weight = weight;
        seen = new SymmetricSum(in, store);
        var rows = weight == null ? in : weight.size(0);
        difference = TensorScope.tidy(() -> store.keep(Tensors.zeros(DType.F64, rows, in)));
    }

    /// Adds a batch.
    ///
    /// @param whole inputs in the whole model, F32 `[.., in]`
    /// @param cut inputs in the compressed model, likewise
    public void add(Tensor whole, Tensor cut) {
        TensorScope.tidyRun(() -> {
            var y = cut.reshape(-1, cut.size(-1));
            var missing = whole.reshape(-1, whole.size(-1)).sub(y);
            var felt = weight == null
                    ? missing
                    : Functional.linear(missing.to(weight.dtype()), weight, null)
                            .to(DType.F32);
            seen.add(y);
            difference.add_(felt.t().matmul(y).to(DType.F64));
        });
        tokens += cut.elements() / cut.size(-1);
    }

    /// Adds what another has gathered.
    public void add(CrossMoment other) {
        seen.add(other.seen);
        difference.add_(other.difference);
        tokens += other.tokens;
    }

    /// What the inputs of a site ask of its weight.
    ///
    /// @param moment `H + λ I`, F64 `[in, in]`
    /// @param factor of the moment
    /// @param difference `C − H`, F64 `[in, in]`, or `W (C − H)`, `[out, in]`
    /// @param applied whether `W` is in the difference
    /// @param tokens seen
    public record Fit(Tensor moment, PsdFactor factor, Tensor difference, boolean applied, long tokens)
            implements TensorOwner {
        /// What a weight has to become to give a share of the whole model's outputs from the compressed
        /// model's inputs, in the innermost scope.
        ///
        /// @param weight `W`, F64 `[out, in]`
        /// @param alpha `α`, the share
        /// @return `W + α W (C − H) (H + λ I)⁻¹`
        public Tensor fitted(Tensor weight, double alpha) {
            return TensorScope.tidy(() -> {
                var wanted = (applied ? difference : weight.matmul(difference)).mul(alpha);
                return weight.add(
                        factor.solveTransposed(factor.solve(wanted.t())).t());
            });
        }

        @Override
        public List<Tensor> tensors() {
            return List.of(moment, factor.factor(), difference);
        }
    }

    /// Factors the moment, in the innermost scope.
    ///
    /// @param ridge `λ` as a share of the mean diagonal of `H`
    /// @param subject names the site in errors
    /// @throws dev.lowrank.tensor.NumericalException if an input was not finite
    public Fit fit(double ridge, String subject) {
        return TensorScope.tidy(() -> {
            var h = Finite.check(seen.matrix(), subject);
            var level = ridge * h.diagonal().mean().item();
            var moment = h.add(Tensors.eye(DType.F64, h.size(0)).mul(level));
            return new Fit(
                    moment,
                    PsdFactor.of(moment, subject),
                    Finite.check(difference, subject).copy(),
                    weight != null,
                    tokens);
        });
    }
}
