package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;

/// The sum of outer products that whitens a site, F64, measured on its cheaper side.
///
/// What a projection needs is `C = W G Wᵀ [out, out]`, the second moment of the outputs `W x`. Sites that
/// share an input share `G`; a site with fewer outputs than inputs (o, down) is cheaper to measure at its
/// outputs directly, which gives the same `C` (compression.md, section 1).
public sealed interface SecondMoment {
    /// The matrix itself.
    Tensor sum();

    /// `tr(G) = Σ ‖x‖²` over the site's inputs.
    double energy();

    /// The same side with another matrix.
    SecondMoment with(Tensor other);

    /// The same with the mean taken out, in the innermost scope: the covariance times the tokens.
    ///
    /// @param weight `W`, F64 `[out, in]`
    /// @param mean mean input, F64 `[in]`
    /// @param tokens seen
    SecondMoment centred(Tensor weight, Tensor mean, long tokens);

    /// `G = Σ x xᵀ` over the site's inputs.
    ///
    /// @param sum `[in, in]`
    record Input(Tensor sum) implements SecondMoment {
        @Override
        public double energy() {
            return sum.diagonal().sum().item();
        }

        @Override
        public SecondMoment with(Tensor other) {
            return new Input(other);
        }

        @Override
        public SecondMoment centred(Tensor weight, Tensor mean, long tokens) {
            return new Input(TensorScope.tidy(() -> sum.sub(outer(mean).mul((double) tokens))));
        }
    }

    /// `C = Σ (W x)(W x)ᵀ` over the site's outputs, without bias.
    ///
    /// @param sum `[out, out]`
    /// @param energy `Σ ‖x‖²` over the site's inputs
    record Output(Tensor sum, double energy) implements SecondMoment {
        @Override
        public SecondMoment with(Tensor other) {
            return new Output(other, energy);
        }

        @Override
        public SecondMoment centred(Tensor weight, Tensor mean, long tokens) {
            var squares = tokens * mean.square().sum().item();
            var covariance = TensorScope.tidy(() -> {
                var outputMean = weight.matmul(mean.unsqueeze(1)).squeeze(1);
                return sum.sub(outer(outputMean).mul((double) tokens));
            });
            return new Output(covariance, Math.max(0, energy - squares));
        }
    }

    private static Tensor outer(Tensor vector) {
        return vector.unsqueeze(1).matmul(vector.unsqueeze(0));
    }
}
