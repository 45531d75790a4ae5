package dev.lowrank.tensor;

import java.util.List;
import java.util.stream.LongStream;

/// LU decomposition with partial pivoting, `a[order, :] = L U`, F64, with `k = min(m, n)`.
///
/// @param rows `[m]` I64: the row of `a` that stands at each row of `L U`; the first `k` are the pivots
/// @param l `[m, k]`, lower triangular, unit diagonal, entries at most 1 in magnitude
/// @param u `[k, n]`, upper triangular
public record Lu(Tensor rows, Tensor l, Tensor u) implements TensorOwner {
    @Override
    public List<Tensor> tensors() {
        return List.of(rows, l, u);
    }

    /// @return [#rows] as plain indices
    public int[] order() {
        return LongStream.of(rows.toLongs()).mapToInt(Math::toIntExact).toArray();
    }
}
