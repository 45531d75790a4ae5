package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.PsdFactor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.List;

/// `H = Σ x' x'ᵀ` and `C = Σ x x'ᵀ` of a site's inputs in the whole model, `x`, and in the compressed one,
/// `x'`. Products in F32 within a batch, sums in F64.
public final class CrossMoment {
    private final SymmetricSum seen;
    private final Tensor cross;
    private long tokens;

    /// @param in inputs of the site
    /// @param store owner of the sums
    public CrossMoment(long in, TensorStore store) {
        seen = new SymmetricSum(in, store);
        cross = TensorScope.tidy(() -> store.keep(Tensors.zeros(DType.F64, in, in)));
    }

    /// Adds a batch.
    ///
    /// @param whole inputs in the whole model, F32 `[.., in]`
    /// @param cut inputs in the compressed model, likewise
    public void add(Tensor whole, Tensor cut) {
        TensorScope.tidyRun(() -> {
            var x = whole.reshape(-1, whole.size(-1));
            var y = cut.reshape(-1, cut.size(-1));
            seen.add(y);
            cross.add_(x.t().matmul(y).to(DType.F64));
        });
        tokens += cut.elements() / cut.size(-1);
    }

    /// Adds what another has gathered.
    public void add(CrossMoment other) {
        seen.add(other.seen);
        cross.add_(other.cross);
        tokens += other.tokens;
    }

    /// What a weight has to become to give the whole model's outputs from the compressed model's inputs.
    ///
    /// @param moment `H + λ I`, F64 `[in, in]`
    /// @param shift `(C − H) (H + λ I)⁻¹`, F64 `[in, in]`: `W` becomes `W + W shift`
    /// @param tokens seen
    public record Fit(Tensor moment, Tensor shift, long tokens) implements TensorOwner {
        @Override
        public List<Tensor> tensors() {
            return List.of(moment, shift);
        }
    }

    /// Solves for the fit, in the innermost scope.
    ///
    /// @param ridge `λ` as a share of the mean diagonal of `H`
    /// @param subject names the site in errors
    /// @throws dev.lowrank.tensor.NumericalException if an input was not finite
    public Fit fit(double ridge, String subject) {
        return TensorScope.tidy(() -> {
            var h = Finite.check(seen.matrix(), subject);
            var level = ridge * h.diagonal().mean().item();
            var moment = h.add(Tensors.eye(DType.F64, h.size(0)).mul(level));
            var factor = PsdFactor.of(moment, subject);
            var difference = Finite.check(cross, subject).sub(h);
            var shift = factor.solveTransposed(factor.solve(difference.t())).t().contiguous();
            return new Fit(moment, shift, tokens);
        });
    }
}
