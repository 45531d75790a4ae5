package dev.lowrank.compress;

import dev.lowrank.model.TextPooling;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.List;

/// What an encoder loses by a cut: half the squared distance between the normalised embeddings of a text by
/// the whole and by the cut model, `½ ‖e − e'‖² = 1 − cos(e, e')`. It stands where a decoder has the
/// divergence of its predictions.
///
/// Near the whole model it is `½ δᵀ Jᵀ J δ` for a change δ of the last hidden states with `J = ∂e/∂h`, and
/// `Jᵀ J` is the mean of `g gᵀ` over `g = Jᵀ v` with `v` standard normal: the same expansion as that of the
/// KL divergence by labels drawn from the model, so gradients of `v·e` go where those of drawn labels go.
///
/// @param pooling of the model, normalising
record EmbeddingError(TextPooling pooling) {

    EmbeddingError(TextPooling pooling) {
        this.pooling = pooling.unit();
    }

    /// The mean over windows.
    ///
    /// @param hidden residual streams of the cut model
    /// @param dense those of the whole model
    /// @param last place of both after the last block
    double mean(HiddenStates hidden, HiddenStates dense, int last, int windows) {
        var errors = new double[windows];
        Compute.each(
                windows,
                window -> errors[window] = TensorScope.tidy(() -> pooling.apply(
                                        hidden.read(last, window, 1).to(DType.F64))
                                .sub(pooling.apply(dense.read(last, window, 1).to(DType.F64)))
                                .square()
                                .sum()
                                .item()
                        / 2));
        var sum = 0.0;
        for (var error : errors) {
            sum += error;
        }
        return sum / windows;
    }

    /// The gradient of `v·e` by the last hidden states of a window.
    ///
    /// @param hidden F32 `[1, seq, hidden]`
    /// @param seed draws `v`
    /// @return the same shape, in the innermost scope
    Tensor gradient(Tensor hidden, long seed) {
        return TensorScope.tidy(() -> {
            var leaf = Grad.on(() -> Grad.leaf(hidden));
            var embedding = Grad.on(() -> pooling.apply(leaf));
            var drawn = Tensors.randn(seed, DType.F32, 1, hidden.size(2));
            return Grad.of(embedding, drawn, List.of(leaf)).getFirst();
        });
    }
}
