package dev.lowrank.tensor;

import java.util.List;

/// A thin singular value decomposition `a = U diag(s) Vᵀ`, F64, with `k = min(m, n)` or the rank asked for.
///
/// Signs are fixed: the entry of largest magnitude in each left singular vector is positive.
///
/// @param u `[m, k]`, orthonormal columns
/// @param s `[k]`, descending, not negative
/// @param vt `[k, n]`, orthonormal rows
/// @param driver what computed it
public record Svd(Tensor u, Tensor s, Tensor vt, Driver driver) implements TensorOwner {
    /// The routes to a decomposition.
    public enum Driver {
        /// LAPACK's divide and conquer on the matrix itself; full accuracy.
        GESDD,
        /// LAPACK's QR sweeps on the matrix itself; full accuracy, taken where `gesdd` did not converge.
        GESVD,
        /// Eigen-decomposition of the smaller Gram matrix; singular values below about 1e-8 of the largest
        /// are noise.
        GRAM_EIGH,
        /// Randomised range finder; the leading part only.
        RANDOMIZED
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(u, s, vt);
    }

    /// The steps of [Linalg#svd]'s ladder that failed before this came about, for a report; empty for a
    /// clean one.
    public List<String> fallbacks() {
        return switch (driver) {
            case GESDD, RANDOMIZED -> List.of();
            case GESVD -> List.of("gesdd did not converge; singular vectors by gesvd");
            case GRAM_EIGH -> List.of("gesdd and gesvd did not converge; singular vectors by the Gram matrix");
        };
    }

    /// @param rank from 0 to the number of singular values
    /// @return views of the leading `rank` triples
    public Svd truncate(long rank) {
        if (rank < 0 || rank > s.size(0)) {
            throw new IllegalArgumentException("Rank must be between 0 and " + s.size(0) + ", but was " + rank);
        }
        return new Svd(u.narrow(1, 0, rank), s.narrow(0, 0, rank), vt.narrow(0, 0, rank), driver);
    }

    /// @return `U diag(s) Vᵀ`, `[m, n]`
    public Tensor reconstruct() {
        return TensorScope.tidy(() -> u.mul(s).matmul(vt));
    }
}
