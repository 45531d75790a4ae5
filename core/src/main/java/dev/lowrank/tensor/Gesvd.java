package dev.lowrank.tensor;

import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.openblas.global.openblas;

/// LAPACK's `gesvd`: singular values by implicit QR sweeps. Several times slower than `gesdd`, but it
/// converges on matrices where divide and conquer gives up. LibTorch offers the choice on CUDA only, so
/// OpenBLAS, which is there for LibTorch's sake, is asked directly.
final class Gesvd {
    /// The leading `min(m, n)` vectors of a side.
    private static final byte THIN = 'S';

    private Gesvd() {}

    /// @param x F64 `[m, n]`, finite
    /// @return the thin decomposition, signs as LAPACK gives them
    /// @throws TensorException if it does not converge
    static Svd of(Tensor x) {
        return TensorScope.tidy(() -> {
            var rows = Math.toIntExact(x.size(0));
            var columns = Math.toIntExact(x.size(1));
            var rank = Math.min(rows, columns);
            var destroyed = x.contiguous().copy();
            var s = Tensors.zeros(DType.F64, rank);
            var u = Tensors.zeros(DType.F64, rows, rank);
            var vt = Tensors.zeros(DType.F64, rank, columns);
            if (rank > 0) {
                decompose(x, destroyed, s, u, vt);
            }
            return new Svd(u, s, vt, Svd.Driver.GESVD);
        });
    }

    /// LAPACK reads columns first, so that it sees `xᵀ = V diag(s) Uᵀ` in the memory of `x`, and the memory
    /// of its results is that of `Vᵀ` and `U` here: nothing is transposed.
    private static void decompose(Tensor x, Tensor destroyed, Tensor s, Tensor u, Tensor vt) {
        var rows = (int) x.size(0);
        var columns = (int) x.size(1);
        var rank = (int) s.size(0);
        int status = Native.read(
                "gesvd",
                () -> openblas.LAPACKE_dgesvd(
                        openblas.LAPACK_COL_MAJOR,
                        THIN,
                        THIN,
                        columns,
                        rows,
                        data(destroyed),
                        columns,
                        data(s),
                        data(vt),
                        columns,
                        data(u),
                        rank,
                        new DoublePointer(rank)),
                x);
        if (status != 0) {
            throw new TensorException(
                    "gesvd",
                    "gesvd(" + x + "): "
                            + (status > 0
                                    ? status + " superdiagonals did not converge to zero"
                                    : "LAPACK refused argument or memory, status " + status));
        }
    }

    private static DoublePointer data(Tensor contiguous) {
        return new DoublePointer(contiguous.handle().data_ptr());
    }
}
