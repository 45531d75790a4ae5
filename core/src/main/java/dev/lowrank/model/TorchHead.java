package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;

/// What stands between the residual stream and the logits: the final norm, in F32, and the head.
///
/// @param norm final norm
/// @param weight F32 or BF16 `[vocab, hidden]`; its type is that of the products
public record TorchHead(TorchNorm norm, Tensor weight) implements TensorOwner {
    /// Copies a model's head into tensors of the innermost scope.
    ///
    /// @param products element type of the weight and of products with it
    public static TorchHead load(LanguageModel model, DType products) {
        var spec = model.spec();
        return new TorchHead(
                TorchNorm.load(spec.norm(), model.weights(), spec.finalNorm()),
                Tensors.from(model.weights().head(), products));
    }

    /// The final norm of the residual stream.
    ///
    /// @param hidden F32 `[.., hidden]`
    public Tensor normed(Tensor hidden) {
        return norm.apply(hidden);
    }

    /// Logits of normed rows; differentiable where the products are in F32.
    ///
    /// @param normed F32 `[.., hidden]`
    /// @return F32 `[.., vocab]`, in the innermost scope
    public Tensor logits(Tensor normed) {
        return TensorScope.tidy(
                () -> Functional.linear(normed.to(weight.dtype()), weight, null).to(DType.F32));
    }

    /// The gradient by the normed rows.
    ///
    /// @param gradient F32 `[rows, vocab]`, by the logits
    /// @return F32 `[rows, hidden]`, in the innermost scope
    public Tensor through(Tensor gradient) {
        return TensorScope.tidy(() -> gradient.to(weight.dtype()).matmul(weight).to(DType.F32));
    }

    @Override
    public List<Tensor> tensors() {
        return Stream.concat(norm.tensors().stream(), Stream.of(weight)).toList();
    }
}
