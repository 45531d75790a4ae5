package dev.lowrank.model;

import dev.lowrank.checkpoint.SentenceModules.Pooling;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;

/// How an encoder's hidden states become one vector for a text.
///
/// @param pooling how positions are joined
/// @param normalised whether the vector is divided by its length
public record TextPooling(Pooling pooling, boolean normalised) {
    /// Below this a vector's length does not divide it.
    private static final double LEAST_LENGTH = 1e-12;

    /// The mean of all positions, divided by its length: what is done where a model says nothing.
    public static final TextPooling DEFAULT = new TextPooling(Pooling.MEAN, true);

    /// The same with every vector divided by its length, which cosines do not feel.
    public TextPooling unit() {
        return new TextPooling(pooling, true);
    }

    /// One vector for each text; differentiable.
    ///
    /// @param hidden F32 `[batch, seq, hidden]`, no position of it padding
    /// @return F32 `[batch, hidden]`, in the innermost scope
    public Tensor apply(Tensor hidden) {
        return TensorScope.tidy(() -> {
            var vector = switch (pooling) {
                case MEAN -> hidden.mean(1, false);
                case CLS -> hidden.select(1, 0);
            };
            return normalised ? vector.div(vector.square().sum(-1, true).sqrt().clampMin(LEAST_LENGTH)) : vector;
        });
    }
}
