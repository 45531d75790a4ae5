package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A norm in LibTorch's memory; always computed in F32.
///
/// @param scale `[hidden]`
/// @param shift `[hidden]`; null for RMS norms
record TorchNorm(
        DecoderSpec.Norm norm, Tensor scale, @Nullable Tensor shift) implements TensorOwner {
    static TorchNorm load(DecoderSpec.Norm norm, ModelWeights weights, String name) {
        var shift = weights.shift(name);
        return new TorchNorm(
                norm,
                Tensors.from(weights.scale(name), DType.F32),
                shift == null ? null : Tensors.from(shift, DType.F32));
    }

    /// @param x `[.., hidden]`
    /// @return the same shape
    Tensor apply(Tensor x) {
        return shift == null
                ? Functional.rmsNorm(x, scale, norm.epsilon())
                : Functional.layerNorm(x, scale, shift, norm.epsilon());
    }

    @Override
    public List<Tensor> tensors() {
        return shift == null ? List.of(scale) : List.of(scale, shift);
    }
}
