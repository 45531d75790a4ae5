package dev.lowrank.tensor;

import java.util.List;

/// Values in order with the I64 indices they came from, of the same shape.
///
/// @param values in order
/// @param indices where each value was along the dimension
public record Ranked(Tensor values, Tensor indices) implements TensorOwner {
    @Override
    public List<Tensor> tensors() {
        return List.of(values, indices);
    }
}
