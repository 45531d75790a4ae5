package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/// A norm in LibTorch's memory; always computed in F32.
///
/// @param scale `[hidden]`
/// @param shift `[hidden]`; null for RMS norms
public record TorchNorm(
        DecoderSpec.Norm norm, Tensor scale, @Nullable Tensor shift) implements TensorOwner {
    /// Copies a norm into F32 tensors of the innermost scope.
    ///
    /// @param name its checkpoint name without suffix
    public static TorchNorm load(DecoderSpec.Norm norm, ModelWeights weights, String name) {
        var shift = weights.shift(name);
        return new TorchNorm(
                norm,
                Tensors.from(weights.scale(name), DType.F32),
                shift == null ? null : Tensors.from(shift, DType.F32));
    }

    /// Copies an RMS norm into an F32 tensor of the innermost scope.
    ///
    /// @param scale `[hidden]`
    public static TorchNorm rms(DecoderSpec.Norm norm, HostTensor scale) {
        return new TorchNorm(norm, Tensors.from(scale, DType.F32), null);
    }

    /// Applies the norm.
    ///
    /// @param x `[.., hidden]`
    /// @return the same shape
    public Tensor apply(Tensor x) {
        return shift == null
                ? Functional.rmsNorm(x, scale, norm.epsilon())
                : Functional.layerNorm(x, scale, shift, norm.epsilon());
    }

    /// The same norm on other tensors.
    ///
    /// @param name its checkpoint name without suffix
    /// @param replace gives what stands for each tensor, by its checkpoint name
    public TorchNorm with(String name, BiFunction<String, Tensor, Tensor> replace) {
        return new TorchNorm(
                norm,
                replace.apply(name + ".weight", scale),
                shift == null ? null : replace.apply(name + ".bias", shift));
    }

    @Override
    public List<Tensor> tensors() {
        return shift == null ? List.of(scale) : List.of(scale, shift);
    }
}
