package dev.lowrank.tensor;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// A matrix that rows are multiplied by.
public sealed interface Weight extends TensorOwner permits Weight.Plain, PackedWeight {
    /// `y = epilogue(x Wᵀ + b)`.
    ///
    /// @param x `[.., in]`, of the weight's dtype
    /// @param bias `[out]` or none
    /// @return `[.., out]`, in the innermost scope
    Tensor linear(Tensor x, @Nullable Tensor bias, Epilogue epilogue);

    /// The matrix itself, `[out, in]`, shared.
    ///
    /// @throws IllegalStateException if the weight is packed
    Tensor values();

    /// Element type that products are computed in.
    DType dtype();

    /// What gradients are wanted through.
    ///
    /// @param values `[out, in]`; shared
    static Weight plain(Tensor values) {
        return new Plain(values);
    }

    /// The fastest for forward passes: packed for oneDNN where this LibTorch has it, else plain.
    ///
    /// @param values F32 `[out, in]`
    static Weight packed(Tensor values) {
        return PackedWeight.available() ? PackedWeight.of(values) : new Plain(values);
    }

    /// Row-major.
    ///
    /// @param values `[out, in]`
    record Plain(Tensor values) implements Weight {
        @Override
        public Tensor linear(Tensor x, @Nullable Tensor bias, Epilogue epilogue) {
            return TensorScope.tidy(() -> epilogue.after(Functional.linear(x, values, bias)));
        }

        @Override
        public DType dtype() {
            return values.dtype();
        }

        @Override
        public List<Tensor> tensors() {
            return List.of(values);
        }
    }
}
