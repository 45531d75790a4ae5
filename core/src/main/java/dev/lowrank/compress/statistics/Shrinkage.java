package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How far a second moment of few tokens is drawn towards a multiple of the identity,
/// `G ← (1 − a) G + a tr(G)/n I`; of a matrix measured at the outputs, which is `W G Wᵀ`, this is
/// `C ← (1 − a) C + a tr(G)/n W Wᵀ`. At `a = 0` the metric is what was measured, at `a = 1` it is plain
/// SVD.
///
/// Where it is estimated, a moment of [#ENOUGH] tokens for every channel or more stays as it is. Below, `a`
/// is the oracle approximating shrinkage of Chen, Wiesel, Eldar and Hero, Shrinkage algorithms for MMSE
/// covariance estimation, IEEE TSP 2010 (arXiv:0907.4698), equation 23, in place of Ledoit and Wolf's
/// (2004), which needs fourth moments of the samples: with `p` the size of the matrix `S`, `T` the target
/// and `n` the number of samples,
/// `a = min(0.9, ((1 − 2/p) tr(S²) + tr(S)²) / ((n + 1 − 2/p) ‖S − T‖²))`. Deviations: `‖S − T‖²` stands
/// for `tr(S²) − tr(S)²/p`, which it is at the inputs, so that the same holds at the outputs; the bound is
/// 0.9 in place of 1, so that what was measured always counts; and samples are counted as one in
/// [#TOKENS_PER_SAMPLE] tokens, because neighbours in a text are alike, their tails are heavier than the
/// Gaussian's that the estimate assumes, and other texts are not this one.
///
/// @param share `a`, in [0, 1); null to estimate it
public record Shrinkage(@Nullable Double share) {
    /// What was measured.
    public static final Shrinkage NONE = new Shrinkage(0.0);

    /// Estimated from the moment itself, and none where tokens are enough.
    public static final Shrinkage ESTIMATED = new Shrinkage(null);

    /// Tokens that tell as much as one independent sample; measured, see docs/decisions/0017-shrinkage.md.
    static final double TOKENS_PER_SAMPLE = 16;

    /// Tokens for every channel from which on a moment is trusted (compression.md, 3.1).
    public static final int ENOUGH = 10;

    private static final double MOST = 0.9;

    public Shrinkage {
        if (share != null && !(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("--input-shrinkage is a share in [0, 1), but was " + share);
        }
    }

    /// A second moment that was drawn towards its target.
    ///
    /// @param moment the mixture, or the very moment where nothing was drawn
    /// @param share how far
    public record Shrunk(SecondMoment moment, double share) implements TensorOwner {
        @Override
        public List<Tensor> tensors() {
            return List.of(moment.sum());
        }
    }

    /// Draws a site's second moment, in the innermost scope.
    ///
    /// @param weight `W`, F64 `[out, in]`
    /// @param tokens that the moment is a sum over
    public Shrunk apply(SecondMoment moment, Tensor weight, long tokens) {
        var channels = weight.size(1);
        var asMeasured = share == null ? tokens >= ENOUGH * channels : share == 0;
        if (asMeasured || !(moment.energy() > 0)) {
            return new Shrunk(moment, 0);
        }
        return TensorScope.tidy(() -> {
            var level = moment.energy() / channels;
            var target = moment instanceof SecondMoment.Input
                    ? Tensors.eye(weight.dtype(), channels).mul(level)
                    : weight.matmul(weight.t()).mul(level);
            var a = share == null ? estimate(moment.sum(), target, tokens / TOKENS_PER_SAMPLE) : share;
            return new Shrunk(moment.with(moment.sum().mul(1 - a).add(target.mul(a))), a);
        });
    }

    /// @param samples how many independent samples the moment is worth
    private static double estimate(Tensor moment, Tensor target, double samples) {
        var size = (double) moment.size(0);
        var squares = moment.square().sum().item();
        var trace = moment.diagonal().sum().item();
        var distance = moment.sub(target).square().sum().item();
        var noise = ((1 - 2 / size) * squares + trace * trace) / (samples + 1 - 2 / size);
        return noise < MOST * distance ? noise / distance : MOST;
    }
}
