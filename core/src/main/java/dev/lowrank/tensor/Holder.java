package dev.lowrank.tensor;

import java.util.Collection;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Whoever releases a tensor: a scope when it closes, or a store.
sealed interface Holder permits TensorScope, TensorStore {
    /// For the message that a released tensor gives.
    String describe();

    /// Calls `visitor` for each tensor reachable from a result: a tensor, an owner, or a collection or map
    /// of these.
    static void forEachTensor(@Nullable Object result, Consumer<Tensor> visitor) {
        switch (result) {
            case null -> {}
            case Tensor tensor -> visitor.accept(tensor);
            case TensorOwner owner -> owner.tensors().forEach(visitor);
            case Collection<?> many -> many.forEach(each -> forEachTensor(each, visitor));
            case Map<?, ?> map -> map.values().forEach(each -> forEachTensor(each, visitor));
            default -> {}
        }
    }
}
