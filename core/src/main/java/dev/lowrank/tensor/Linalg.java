package dev.lowrank.tensor;

import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/// Dense linear algebra in F64. Operands of any floating dtype are widened; every result is F64, has
/// deterministic signs and belongs to the innermost [TensorScope]. Operands are checked for NaN and
/// infinities before LAPACK sees them.
public final class Linalg {
    /// LAPACK's divide and conquer needs a workspace of `4 k²` numbers, counted in 32 bits.
    static final long LARGEST_SVD = 23_000;

    private Linalg() {}

    /// Which triangle of a matrix holds the numbers; the other is not read.
    public enum Triangle {
        LOWER,
        UPPER
    }

    /// On which side of the unknown the matrix stands.
    public enum Side {
        /// `A X = B`
        LEFT,
        /// `X A = B`
        RIGHT
    }

    /// Whether the matrix is used as it is or transposed; [Triangle] speaks of the matrix as given.
    public enum Transposition {
        NONE,
        TRANSPOSED
    }

    /// Thin singular value decomposition. Ladder: finite check, LAPACK `gesdd`, then `gesvd`, then
    /// [#gramSvd], each if the one before does not converge; [Svd#driver()] tells which it was.
    ///
    /// @param a `[m, n]`
    /// @return the decomposition
    /// @throws NumericalException if `a` is not finite or nothing converges
    /// @throws IllegalArgumentException if the smaller side exceeds 23 000; use [#randomizedSvd]
    public static Svd svd(Tensor a) {
        return svd(a, List.of(Linalg::gesdd, Gesvd::of));
    }

    /// The ladder with its LAPACK steps given, so that a test can make them fail.
    static Svd svd(Tensor a, List<Function<Tensor, Svd>> steps) {
        return TensorScope.tidy(() -> {
            var x = finiteMatrix("svd", a);
            checkWorkspace(a);
            for (var step : steps) {
                try {
                    return Signs.fixed(step.apply(x));
                } catch (TensorException e) {
                    if (e.outOfMemory()) {
                        throw e;
                    }
                }
            }
            return gramSvd(x);
        });
    }

    static void checkWorkspace(Tensor a) {
        if (Math.min(a.size(0), a.size(1)) > LARGEST_SVD) {
            throw new IllegalArgumentException("svd of " + a + " would overflow LAPACK's workspace (smaller side over "
                    + LARGEST_SVD + "); use randomizedSvd");
        }
    }

    /// Thin singular value decomposition by the eigenvectors of the smaller Gram matrix: several times
    /// faster than [#svd], for weighted matrices whose trailing values are going to be cut. Singular values
    /// below about 1e-8 of the largest are noise. The other side's vectors come from a QR step, so both
    /// sides are orthonormal even for rank-deficient and zero matrices.
    ///
    /// @param a `[m, n]`
    /// @return the decomposition
    /// @throws NumericalException if `a` is not finite or the eigensolver does not converge
    public static Svd gramSvd(Tensor a) {
        return TensorScope.tidy(() -> {
            var x = finiteMatrix("gramSvd", a);
            var tall = a.size(0) >= a.size(1);
            var y = tall ? x : x.t(); // [long, short]
            var scale = y.elements() == 0 ? 0.0 : y.abs().max().item();
            var z = scale == 0.0 ? y : y.div(scale); // keeps the squares within range
            var near = eigh(z.t().matmul(z)).vectors(); // [short, short]
            var far = qr(z.matmul(near)); // near is a rotation, so R is diagonal up to rounding
            var s = far.r().diagonal().mul(scale == 0.0 ? 1.0 : scale); // [short]
            var order = s.sort(0, true).indices();
            var sorted = s.indexSelect(0, order);
            var left = far.q().indexSelect(1, order); // [long, short]
            var right = near.indexSelect(1, order); // [short, short]
            return Signs.fixed(new Svd(tall ? left : right, sorted, tall ? right.t() : left.t(), Svd.Driver.GRAM_EIGH));
        });
    }

    /// Leading part of a decomposition by random projection with power iterations. Deterministic for one
    /// seed.
    ///
    /// Source: Halko, Martinsson, Tropp, Finding structure with randomness, arXiv:0909.4061, algorithms 4.4
    /// and 5.1.
    ///
    /// @param a `[m, n]`
    /// @param rank triples wanted, 0 to `min(m, n)`
    /// @param seed of the random projection
    /// @return the leading `rank` triples, with 10 extra directions and 2 power iterations inside
    public static Svd randomizedSvd(Tensor a, long rank, long seed) {
        return randomizedSvd(a, rank, 10, 2, seed);
    }

    /// @param a `[m, n]`
    /// @param rank triples wanted, 0 to `min(m, n)`
    /// @param oversample extra random directions
    /// @param powerIterations passes that sharpen a slowly falling spectrum
    /// @param seed of the random projection
    /// @return the leading `rank` triples
    public static Svd randomizedSvd(Tensor a, long rank, int oversample, int powerIterations, long seed) {
        return TensorScope.tidy(() -> {
            var x = finiteMatrix("randomizedSvd", a);
            var full = Math.min(a.size(0), a.size(1));
            if (rank < 0 || rank > full || oversample < 0 || powerIterations < 0) {
                throw new IllegalArgumentException(
                        "randomizedSvd of " + a + " needs a rank between 0 and " + full + ", but it was " + rank
                                + " (oversample " + oversample + ", iterations " + powerIterations + ")");
            }
            var width = Math.min(full, rank + oversample);
            var q = qr(x.matmul(Tensors.randn(seed, DType.F64, a.size(1), width)))
                    .q(); // [m, width]
            for (var i = 0; i < powerIterations; i++) {
                q = qr(x.matmul(qr(x.t().matmul(q)).q())).q();
            }
            var small = svd(q.t().matmul(x)); // [width, n]
            var lifted = new Svd(q.matmul(small.u()), small.s(), small.vt(), Svd.Driver.RANDOMIZED);
            return Signs.fixed(lifted.truncate(rank));
        });
    }

    /// Eigen-decomposition of a symmetric matrix, largest eigenvalue first. Only the symmetric part of `a`
    /// counts.
    ///
    /// @param a `[n, n]`
    /// @return the decomposition
    /// @throws NumericalException if `a` is not finite or the solver does not converge
    public static Eigh eigh(Tensor a) {
        return TensorScope.tidy(() -> {
            var x = square("eigh", a);
            var symmetric = x.add(x.t()).mul_(0.5);
            try {
                var pair = Native.ownPair("eigh", () -> torch.linalg_eigh(symmetric.handle()), symmetric);
                return new Eigh(
                        pair.get(0).flip(0), Signs.fixedColumns(pair.get(1).flip(1)));
            } catch (TensorException e) {
                if (e.outOfMemory()) {
                    throw e;
                }
                throw new NumericalException(
                        NumericalException.Kind.NO_CONVERGENCE, "eigh of " + a, "LAPACK gave up: " + e.getMessage());
            }
        });
    }

    /// Cholesky factor, if there is one.
    ///
    /// @param a `[n, n]` symmetric; its lower triangle is read
    /// @return `L [n, n]` lower triangular with `a = L Lᵀ`, or `null` if `a` is not numerically positive
    ///     definite
    /// @throws NumericalException if `a` is not finite
    public static @Nullable Tensor choleskyOrNull(Tensor a) {
        return TensorScope.<@Nullable Tensor>tidy(() -> {
            var x = square("cholesky", a);
            var pair = Native.ownPair("cholesky", () -> torch.linalg_cholesky_ex(x.handle(), false, false), x);
            return pair.get(1).item() == 0 ? pair.get(0) : null;
        });
    }

    /// Solves with a triangular matrix; nothing is inverted.
    ///
    /// @param a `[n, n]`
    /// @param b `[n, k]` for [Side#LEFT], `[k, n]` for [Side#RIGHT]
    /// @param triangle where `a` holds its numbers
    /// @param side where `a` stands
    /// @param transposition whether `aᵀ` is meant
    /// @return `X`, of `b`'s shape
    /// @throws NumericalException if a pivot is zero or the solution overflows
    public static Tensor solveTriangular(
            Tensor a, Tensor b, Triangle triangle, Side side, Transposition transposition) {
        return TensorScope.tidy(() -> {
            var x = square("solveTriangular", a);
            var rhs = finiteMatrix("solveTriangular", b);
            var transposed = transposition == Transposition.TRANSPOSED;
            var matrix = transposed ? x.t() : x;
            var upper = (triangle == Triangle.UPPER) != transposed;
            var free = side == Side.LEFT ? 1 : 0; // the dimension along which solutions are independent
            var solution = SideBySide.map(
                    rhs,
                    free,
                    part -> Native.own(
                            "solve_triangular",
                            () -> torch.linalg_solve_triangular(
                                    matrix.handle(), part.handle(), upper, side == Side.LEFT, false),
                            matrix,
                            part));
            if (!solution.isFiniteAll()) {
                throw new NumericalException(
                        NumericalException.Kind.SINGULAR,
                        "triangular solve with " + a,
                        "the solution is not finite, so a pivot is zero or nearly so (smallest |pivot| "
                                + x.diagonal().abs().min().item() + "); add a ridge before factorising");
            }
            return solution;
        });
    }

    /// Thin QR decomposition; the diagonal of `R` is not negative.
    ///
    /// @param a `[m, n]`
    /// @return the decomposition
    public static Qr qr(Tensor a) {
        return TensorScope.tidy(() -> {
            var x = finiteMatrix("qr", a);
            var pair = Native.ownPair("qr", () -> torch.linalg_qr(x.handle()), x);
            var signs = Signs.of(pair.get(1).diagonal()); // [k]
            return new Qr(pair.get(0).mul(signs), pair.get(1).mul(signs.unsqueeze(1)));
        });
    }

    /// LU decomposition with partial pivoting: which rows carry the matrix, and how the others follow from
    /// them.
    ///
    /// @param a `[m, n]`
    /// @return the decomposition; singular matrices have zeros on `U`'s diagonal
    public static Lu lu(Tensor a) {
        return TensorScope.tidy(() -> {
            var x = finiteMatrix("lu", a);
            var triple = Native.ownTriple("lu", () -> torch.linalg_lu(x.handle()), x);
            var rows =
                    a.size(0) == 0 ? Tensors.zeros(DType.I64, 0) : triple.get(0).argmax(0, false); // P[rows[i], i] = 1
            return new Lu(rows, triple.get(1), triple.get(2));
        });
    }

    /// Least squares of smallest norm: `argmin ‖a X − b‖`, also for rank-deficient `a`.
    ///
    /// @param a `[m, n]`
    /// @param b `[m, k]`
    /// @return `X [n, k]`
    public static Tensor lstsq(Tensor a, Tensor b) {
        return TensorScope.tidy(() -> {
            var x = finiteMatrix("lstsq", a);
            var rhs = finiteMatrix("lstsq", b);
            return Native.own(
                    "lstsq", () -> torch.linalg_lstsq(x.handle(), rhs.handle()).get0(), x, rhs);
        });
    }

    private static Svd gesdd(Tensor x) {
        var triple = Native.ownTriple(
                "svd", () -> torch.linalg_svd(x.handle(), false, new org.bytedeco.pytorch.StringViewOptional()), x);
        return new Svd(triple.get(0), triple.get(1), triple.get(2), Svd.Driver.GESDD);
    }

    private static Tensor square(String operation, Tensor a) {
        var x = finiteMatrix(operation, a);
        if (a.size(0) != a.size(1)) {
            throw new IllegalArgumentException(operation + " needs a square matrix, but got " + a);
        }
        return x;
    }

    private static Tensor finiteMatrix(String operation, Tensor a) {
        if (a.rank() != 2 || !a.dtype().isFloating()) {
            throw new IllegalArgumentException(operation + " needs a floating matrix [m, n], but got " + a);
        }
        var x = a.to(DType.F64);
        Finite.check(x, operation + " of " + a);
        return x;
    }
}
