package dev.lowrank.tensor;

import java.util.List;

/// The eigen-decomposition `a = V diag(values) Vᵀ` of a symmetric matrix, F64.
///
/// @param values `[n]`, descending
/// @param vectors `[n, n]`, one eigenvector per column; its entry of largest magnitude is positive
public record Eigh(Tensor values, Tensor vectors) implements TensorOwner {
    @Override
    public List<Tensor> tensors() {
        return List.of(values, vectors);
    }
}
