package dev.lowrank.tensor;

import java.util.List;

/// The thin decomposition `a = Q R`, F64, with `k = min(m, n)`.
///
/// @param q `[m, k]`, orthonormal columns
/// @param r `[k, n]`, upper triangular, diagonal not negative
public record Qr(Tensor q, Tensor r) implements TensorOwner {
    @Override
    public List<Tensor> tensors() {
        return List.of(q, r);
    }
}
