package dev.lowrank.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A square root `L Lᵀ ≈ G` of a positive semi-definite matrix that may be singular, badly scaled or
/// slightly damaged by
/// rounding, as Gram matrices of few calibration tokens are. `L` is lower triangular after every step of
/// the ladder and its diagonal is positive, so triangular solves with it always work.
///
/// Ladder: symmetrise, finite check, Cholesky, Cholesky with a ridge of `1e-6 · trace / n` and ten times
/// more up to `1e-2`, eigenvalues clipped at `1e-8` of the largest, diagonal alone. An eigenvalue below
/// `-1e-5` of the largest is no
/// rounding error and is refused. All in F64, on `G` divided by its largest diagonal entry.
///
/// @param factor `L [n, n]` F64, lower triangular
/// @param step the step of the ladder that succeeded
/// @param notes what was found and tried on the way, for the report; empty for a clean Cholesky
public record PsdFactor(Tensor factor, Step step, List<String> notes) implements TensorOwner {
    private static final List<Double> RIDGES = List.of(1e-6, 1e-5, 1e-4, 1e-3, 1e-2);
    static final double EIGENVALUE_FLOOR = 1e-8;
    static final double NEGATIVE_TOLERANCE = 1e-5;

    /// Share of a channel's own energy that must be left after the channels before it explained theirs;
    /// below it the plain
    /// factor is dominated by rounding.
    static final double SANE_PIVOT = 1e-10;

    /// Asymmetry worth a note, relative to the largest entry.
    private static final double ASYMMETRY = 1e-9;

    /// Diagonal given to a matrix of zeros: far below any real energy, far above underflow of its square.
    private static final double ZERO_DIAGONAL = 1e-30;

    public PsdFactor {
        notes = List.copyOf(notes);
    }

    /// How the factor came about.
    public sealed interface Step {
        /// The matrix as it is.
        record Cholesky() implements Step {}

        /// @param relative ridge as a share of `trace / n`
        record Ridge(double relative) implements Step {}

        /// @param clipped eigenvalues raised to the floor
        record ClippedEigen(long clipped) implements Step {}

        /// Off-diagonal entries were given up.
        record Diagonal() implements Step {}
    }

    /// Factorises `gram`.
    ///
    /// @param gram `[n, n]`, any floating dtype; only its symmetric part counts
    /// @param name site or layer it belongs to, for messages
    /// @return the factor, its step and notes
    /// @throws NumericalException if `gram` is not finite, or truly not positive semi-definite
    public static PsdFactor of(Tensor gram, String name) {
        return of(gram, name, Linalg::eigh);
    }

    /// The ladder with its eigensolver given, so that a test can make it fail.
    static PsdFactor of(Tensor gram, String name, Function<Tensor, Eigh> eigensolver) {
        if (gram.rank() != 2 || gram.size(0) != gram.size(1)) {
            throw new IllegalArgumentException("The Gram matrix of " + name + " must be square, but is " + gram);
        }
        return TensorScope.tidy(() -> {
            var notes = new ArrayList<String>();
            var g = symmetric(Finite.check(gram.to(DType.F64), name), notes);
            var largest = g.elements() == 0 ? 0.0 : g.diagonal().max().item();
            if (largest <= 0.0) {
                return ofZero(g, name, notes);
            }
            var scaled = new Ladder(g.div(largest), name, notes, eigensolver).climb();
            return new PsdFactor(scaled.factor().mul(Math.sqrt(largest)), scaled.step(), notes);
        });
    }

    /// @param b `[n, k]`
    /// @return `L⁻¹ b`
    public Tensor solve(Tensor b) {
        return Linalg.solveTriangular(factor, b, Linalg.Triangle.LOWER, Linalg.Side.LEFT, Linalg.Transposition.NONE);
    }

    /// @param b `[n, k]`
    /// @return `L⁻ᵀ b`
    public Tensor solveTransposed(Tensor b) {
        return Linalg.solveTriangular(
                factor, b, Linalg.Triangle.LOWER, Linalg.Side.LEFT, Linalg.Transposition.TRANSPOSED);
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(factor);
    }

    private static Tensor symmetric(Tensor g, List<String> notes) {
        var half = g.mul(0.5); // halved first: the sum of two huge entries may overflow
        var symmetric = half.add(half.t());
        if (g.elements() > 0) {
            var largest = g.abs().max().item();
            var asymmetry = half.sub(half.t()).abs().max().item() * 2;
            if (asymmetry > ASYMMETRY * largest) {
                notes.add("asymmetric by " + asymmetry / largest + " of its largest entry; symmetrised");
            }
        }
        return symmetric;
    }

    private static PsdFactor ofZero(Tensor g, String name, List<String> notes) {
        var largest = g.elements() == 0 ? 0.0 : g.abs().max().item();
        if (largest > 0.0) {
            throw notPsd(name, "its diagonal has no positive entry, yet it has entries of magnitude " + largest);
        }
        notes.add("all zero: no channel carried energy");
        var factor = Tensors.eye(DType.F64, g.size(0)).mul(Math.sqrt(ZERO_DIAGONAL));
        return new PsdFactor(factor, new Step.Diagonal(), notes);
    }

    private static NumericalException notPsd(String name, String found) {
        return new NumericalException(
                NumericalException.Kind.NOT_PSD,
                name,
                found
                        + "; a Gram matrix has no negative eigenvalue, so the statistics are damaged: collect them again");
    }

    /// The steps, on a matrix whose largest diagonal entry is 1.
    private record Ladder(Tensor g, String name, List<String> notes, Function<Tensor, Eigh> eigensolver) {
        PsdFactor climb() {
            var plain = Linalg.choleskyOrNull(g);
            if (plain != null && hasSanePivots(plain)) {
                return new PsdFactor(plain, new Step.Cholesky(), notes);
            }
            notes.add(
                    plain == null
                            ? "plain Cholesky met a pivot that is not positive"
                            : "plain Cholesky left pivots of" + " rounding size");
            var first = ridged(RIDGES.getFirst());
            if (first != null) {
                return first; // proves that no eigenvalue is below -1e-6 trace/n, which is within tolerance
            }
            var eigen = eigenOrNull();
            if (eigen != null) {
                rejectNegative(eigen);
            }
            for (var ridge : RIDGES.subList(1, RIDGES.size())) {
                var factor = ridged(ridge);
                if (factor != null) {
                    return factor;
                }
            }
            return eigen == null ? diagonal() : clipped(eigen);
        }

        /// Pivots relative to their own channel: what Cholesky computes does not depend on the channels'
        /// scales.
        private boolean hasSanePivots(Tensor l) {
            return l.diagonal().square().div(g.diagonal()).min().item() >= SANE_PIVOT;
        }

        private @Nullable PsdFactor ridged(double relative) {
            var ridge = relative * g.diagonal().mean().item();
            var shifted = g.copy();
            shifted.diagonal().add_(Tensors.full(ridge, DType.F64));
            var l = Linalg.choleskyOrNull(shifted);
            if (l == null) {
                notes.add("Cholesky with relative ridge " + relative + " failed");
                return null;
            }
            return new PsdFactor(l, new Step.Ridge(relative), notes);
        }

        private @Nullable Eigh eigenOrNull() {
            try {
                return eigensolver.apply(g);
            } catch (NumericalException e) {
                notes.add("eigen-decomposition failed: " + e.getMessage());
                return null;
            }
        }

        private void rejectNegative(Eigh eigen) {
            var largest = eigen.values().max().item();
            var smallest = eigen.values().min().item();
            if (smallest < -NEGATIVE_TOLERANCE * largest) {
                throw notPsd(name, "its smallest eigenvalue is " + smallest / largest + " of the largest");
            }
        }

        /// `G ≈ V D V ᵀ`; the QR decomposition of `(V D½)ᵀ` turns its square root into a triangular one.
        private PsdFactor clipped(Eigh eigen) {
            var floor = EIGENVALUE_FLOOR * eigen.values().max().item();
            var clipped = (long) eigen.values().lt(floor).sum().item();
            var root = eigen.vectors().mul(eigen.values().clampMin(floor).sqrt()); // [n, n]
            notes.add(clipped + " eigenvalues raised to " + EIGENVALUE_FLOOR + " of the largest");
            return new PsdFactor(Linalg.qr(root.t()).r().t().contiguous(), new Step.ClippedEigen(clipped), notes);
        }

        private PsdFactor diagonal() {
            notes.add("only the diagonal was kept");
            var root = g.diagonal().clampMin(EIGENVALUE_FLOOR).sqrt(); // [n]
            return new PsdFactor(Tensors.eye(DType.F64, g.size(0)).mul(root), new Step.Diagonal(), notes);
        }
    }
}
