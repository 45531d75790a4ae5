package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;

/// The mean outer product `E[g gᵀ]` of the loss gradient at a site's output. With labels drawn from the
/// model this is the output's factor of the Fisher matrix as K-FAC approximates it. F64 sums.
///
/// A token whose squared gradient is more than some times the mean of its window is scaled down to that: a
/// few surprising labels would otherwise decide what counts.
public final class GradientMoment {
    /// Bound on a token's squared gradient, in means of its window.
    private static final double MOST = 4;

    private final SymmetricSum sum;
    private long tokens;

    /// @param out outputs of the site
    /// @param store owner of the sums
    public GradientMoment(long out, TensorStore store) {
        sum = new SymmetricSum(out, store);
    }

    /// Adds the tokens of a window.
    ///
    /// @param gradient F32 `[tokens, out]`
    public void add(Tensor gradient) {
        TensorScope.tidyRun(() -> {
            var squares = gradient.square().sum(-1, true); // [tokens, 1]
            var bound = MOST * squares.mean().item();
            sum.add(bound > 0 ? gradient.div(squares.div(bound).clampMin(1).sqrt()) : gradient);
        });
        tokens += gradient.size(0);
    }

    /// Adds what another has seen.
    public void add(GradientMoment other) {
        sum.add(other.sum);
        tokens += other.tokens;
    }

    /// The mean, F64 `[out, out]`, in the innermost scope.
    ///
    /// @param subject names the site in errors
    /// @throws dev.lowrank.tensor.NumericalException if a gradient was not finite
    public Tensor mean(String subject) {
        return TensorScope.tidy(() -> Finite.check(sum.matrix().div((double) tokens), "loss gradients at " + subject));
    }
}
