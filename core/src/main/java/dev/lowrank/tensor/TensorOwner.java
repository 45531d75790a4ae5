package dev.lowrank.tensor;

import java.util.List;

/// A record that carries tensors; [TensorScope#keep] and [TensorStore#keep] reach them through this.
public interface TensorOwner {
    /// @return every tensor of this object and of the objects it is made of; absent ones (a missing bias)
    ///     are left
    ///     out
    List<Tensor> tensors();
}
