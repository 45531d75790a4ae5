package dev.lowrank.tensor;

import static dev.lowrank.tensor.Linalg.Side;
import static dev.lowrank.tensor.Linalg.Transposition;
import static dev.lowrank.tensor.Linalg.Triangle;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@NoNativeLeaks
class LinalgTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    /// The matrices every decomposition must take.
    enum Sample {
        TALL,
        WIDE,
        SQUARE,
        ZERO,
        IDENTITY,
        TINY,
        HUGE,
        RANK_DEFICIENT,
        ZERO_COLUMN,
        REPEATED,
        ONE,
        ROW,
        EMPTY;

        Tensor get() {
            return switch (this) {
                case TALL -> random(1, 40, 12);
                case WIDE -> random(2, 9, 33);
                case SQUARE -> random(3, 20, 20);
                case ZERO -> Tensors.zeros(DType.F64, 6, 4);
                case IDENTITY -> Tensors.eye(DType.F64, 7);
                case TINY -> random(4, 8, 5).mul(1e-200);
                case HUGE -> random(5, 5, 8).mul(1e200);
                case RANK_DEFICIENT -> random(6, 15, 3).matmul(random(7, 3, 10));
                case ZERO_COLUMN -> random(8, 10, 6).mul(Tensors.ofDoubles(new double[] {1, 1, 0, 1, 1, 1}, 6));
                case REPEATED -> Linalg.qr(random(9, 12, 12)).q().mul(2);
                case ONE -> Tensors.full(-3, DType.F64, 1, 1);
                case ROW -> random(10, 1, 5);
                case EMPTY -> Tensors.zeros(DType.F64, 0, 3);
            };
        }
    }

    private static Tensor random(long seed, long... sizes) {
        return Tensors.randn(seed, DType.F64, sizes);
    }

    private static DMatrixRMaj ejml(Tensor a) {
        return DMatrixRMaj.wrap((int) a.size(0), (int) a.size(1), a.toDoubles());
    }

    private static double magnitude(Tensor a) {
        return a.elements() == 0 ? 0 : a.abs().max().item();
    }

    /// Difference measured against the matrix's own scale, so that tiny and huge ones are held to the same.
    private static void assertSame(Tensor actual, Tensor expected, double scale, double bound) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(magnitude(actual.sub(expected))).isLessThanOrEqualTo(bound * scale);
    }

    private static void assertOrthonormalColumns(Tensor q) {
        TensorAssert.assertThat(q.t().matmul(q))
                .isCloseTo(Tensors.eye(DType.F64, q.size(1)), Tolerance.F64_DECOMPOSITION);
    }

    private static void assertSignsFixed(Tensor vectors) {
        if (vectors.elements() > 0) {
            var largest = vectors.gather(0, vectors.abs().argmax(0, true));
            assertThat(largest.min().item()).isGreaterThanOrEqualTo(0.0);
        }
    }

    private static void assertIsSvd(Svd svd, Tensor a, double bound) {
        assertSame(svd.reconstruct(), a, magnitude(a), bound);
        assertOrthonormalColumns(svd.u());
        assertOrthonormalColumns(svd.vt().t());
        assertSignsFixed(svd.u());
        var s = svd.s().toDoubles();
        for (var i = 0; i < s.length; i++) {
            assertThat(s[i]).isGreaterThanOrEqualTo(0.0);
            assertThat(i == 0 || s[i] <= s[i - 1]).isTrue();
        }
    }

    private static double[] ejmlSingularValues(Tensor a) {
        var scale = magnitude(a) == 0 ? 1 : magnitude(a);
        var svd = DecompositionFactory_DDRM.svd((int) a.size(0), (int) a.size(1), false, false, true);
        assertThat(svd.decompose(ejml(a.div(scale)))).isTrue();
        var values = Arrays.copyOf(svd.getSingularValues(), (int) Math.min(a.size(0), a.size(1)));
        Arrays.sort(values);
        var descending = new double[values.length];
        for (var i = 0; i < values.length; i++) {
            descending[i] = values[values.length - 1 - i] * scale;
        }
        return descending;
    }

    @ParameterizedTest
    @EnumSource(Sample.class)
    void svdRebuildsTheMatrixAndAgreesWithEjml(Sample sample) {
        var a = sample.get();
        var svd = Linalg.svd(a);
        assertThat(svd.driver()).isEqualTo(Svd.Driver.GESDD);
        assertIsSvd(svd, a, 1e-12);
        if (a.elements() > 0) {
            assertSame(svd.s(), Tensors.ofDoubles(ejmlSingularValues(a), svd.s().size(0)), magnitude(a), 1e-11);
        }
    }

    @ParameterizedTest
    @EnumSource(Sample.class)
    void gramSvdRebuildsTheMatrix(Sample sample) {
        var a = sample.get();
        var svd = Linalg.gramSvd(a);
        assertThat(svd.driver()).isEqualTo(Svd.Driver.GRAM_EIGH);
        assertIsSvd(svd, a, 1e-12);
        assertSame(svd.s(), Linalg.svd(a).s(), magnitude(a), 1e-7);
    }

    @Test
    void gramSvdCostsNoMoreThanTheExactTail() {
        var a = random(1, 60, 40);
        var exact = Linalg.svd(a).s().toDoubles();
        for (var rank : new int[] {0, 1, 17, 40}) {
            var tail = 0.0;
            for (var i = rank; i < exact.length; i++) {
                tail += exact[i] * exact[i];
            }
            var error =
                    a.sub(Linalg.gramSvd(a).truncate(rank).reconstruct()).norm().item();
            assertThat(error).isCloseTo(Math.sqrt(tail), within(1e-9));
        }
        assertThatThrownBy(() -> Linalg.svd(a).truncate(41)).hasMessageContaining("between 0 and 40");
    }

    private static Svd unconverged(Tensor x) {
        throw new TensorException("svd", "svd(" + x + "): failed to converge");
    }

    @ParameterizedTest
    @EnumSource(Sample.class)
    void svdTakesTheQrSweepsWhereDivideAndConquerGivesUp(Sample sample) {
        var a = sample.get();
        var svd = Linalg.svd(a, List.of(LinalgTest::unconverged, Gesvd::of));
        assertThat(svd.driver()).isEqualTo(Svd.Driver.GESVD);
        assertThat(svd.fallbacks()).singleElement().asString().contains("gesdd did not converge", "gesvd");
        assertThat(Linalg.svd(a).fallbacks()).isEmpty();
        assertIsSvd(svd, a, 1e-12);
        assertSame(svd.s(), Linalg.svd(a).s(), magnitude(a), 1e-12);
    }

    @Test
    void svdEndsItsLadderWithTheGramMatrix() {
        var a = random(1, 12, 7);
        var svd = Linalg.svd(a, List.of(LinalgTest::unconverged, LinalgTest::unconverged));
        assertThat(svd.driver()).isEqualTo(Svd.Driver.GRAM_EIGH);
        assertThat(svd.fallbacks()).singleElement().asString().contains("gesdd and gesvd", "Gram matrix");
        assertIsSvd(svd, a, 1e-12);
    }

    @Test
    void qrSweepsLeaveTheirOperandAsItWas() {
        var a = random(1, 9, 5);
        var before = a.toDoubles();
        var svd = Gesvd.of(a);
        assertThat(a.toDoubles()).containsExactly(before);
        assertSame(Gesvd.of(a.t()).s(), svd.s(), magnitude(a), 1e-12);
    }

    @ParameterizedTest
    @EnumSource(
            value = Sample.class,
            names = {"EMPTY"},
            mode = EnumSource.Mode.EXCLUDE)
    void randomizedSvdFindsTheLeadingPart(Sample sample) {
        var a = sample.get();
        var full = Linalg.svd(a);
        var rank = Math.min(3, full.s().size(0));
        var svd = Linalg.randomizedSvd(a, rank, 42);
        assertThat(svd.driver()).isEqualTo(Svd.Driver.RANDOMIZED);
        assertOrthonormalColumns(svd.u());
        assertOrthonormalColumns(svd.vt().t());
        assertSignsFixed(svd.u());
        assertSame(svd.s(), full.s().narrow(0, 0, rank), magnitude(a), 0.1);
        assertThat(Linalg.randomizedSvd(a, rank, 42).u().equalsAll(svd.u())).isTrue();
    }

    @Test
    void randomizedSvdIsExactOnExactlyLowRank() {
        var a = random(6, 80, 5).matmul(random(7, 5, 60));
        TensorAssert.assertThat(Linalg.randomizedSvd(a, 5, 1).reconstruct()).isCloseTo(a, Tolerance.F64_DECOMPOSITION);
        assertThatThrownBy(() -> Linalg.randomizedSvd(a, 61, 1)).hasMessageContaining("between 0 and 60");
    }

    @ParameterizedTest
    @EnumSource(Sample.class)
    void eighRebuildsTheMatrixAndAgreesWithEjml(Sample sample) {
        var x = sample.get();
        var a = x.matmul(x.t()).mul(0.5).sub(Tensors.eye(DType.F64, x.size(0)).mul(magnitude(x)));
        if (sample == Sample.HUGE) {
            assertThatThrownBy(() -> Linalg.eigh(a)).isInstanceOf(NumericalException.class); // squares overflow
            return;
        }
        var eigh = Linalg.eigh(a);
        var scale = Math.max(magnitude(a), Double.MIN_NORMAL);
        assertSame(eigh.vectors().mul(eigh.values()).matmul(eigh.vectors().t()), a, scale, 1e-12);
        assertOrthonormalColumns(eigh.vectors());
        assertSignsFixed(eigh.vectors());
        if (a.elements() > 0) {
            var oracle = DecompositionFactory_DDRM.eig((int) a.size(0), false, true);
            assertThat(oracle.decompose(ejml(a.div(scale)))).isTrue();
            var expected = new double[(int) a.size(0)];
            for (var i = 0; i < expected.length; i++) {
                expected[i] = -oracle.getEigenvalue(i).getReal();
            }
            Arrays.sort(expected);
            assertSame(eigh.values().div(-scale), Tensors.ofDoubles(expected, expected.length), 1, 1e-11);
        }
    }

    @ParameterizedTest
    @EnumSource(Sample.class)
    void qrRebuildsTheMatrixWithAPositiveDiagonal(Sample sample) {
        var a = sample.get();
        var qr = Linalg.qr(a);
        assertSame(qr.q().matmul(qr.r()), a, magnitude(a), 1e-12);
        assertOrthonormalColumns(qr.q());
        assertThat(qr.r().equalsAll(qr.r().triu(0))).isTrue();
        if (a.elements() > 0) {
            assertThat(qr.r().diagonal().min().item()).isGreaterThanOrEqualTo(0.0);
        }
    }

    @ParameterizedTest
    @EnumSource(Sample.class)
    void luRebuildsTheRowsInPivotOrder(Sample sample) {
        var a = sample.get();
        var lu = Linalg.lu(a);
        assertSame(lu.l().matmul(lu.u()), a.indexSelect(0, lu.rows()), magnitude(a), 1e-12);
        assertThat(lu.order())
                .containsExactlyInAnyOrder(IntStream.range(0, (int) a.size(0)).toArray());
        assertThat(magnitude(lu.l())).isLessThanOrEqualTo(1.0);
    }

    @Test
    void luOfALayerSizedMatrixFitsItsThreadsStack() {
        var a = random(1, 1536, 576);
        var lu = Linalg.lu(a);
        assertSame(lu.l().matmul(lu.u()), a.indexSelect(0, lu.rows()), magnitude(a), 1e-12);
    }

    @Test
    void choleskyAgreesWithEjmlAndSaysNoToIndefinite() {
        var x = random(1, 9, 20);
        var a = x.matmul(x.t());
        var oracle = DecompositionFactory_DDRM.chol(9, true);
        assertThat(oracle.decompose(ejml(a))).isTrue();
        TensorAssert.assertThat(Linalg.choleskyOrNull(a))
                .isCloseTo(oracle.getT(null).getData(), Tolerance.F64_DECOMPOSITION);
        assertThat(Linalg.choleskyOrNull(a.sub(Tensors.eye(DType.F64, 9).mul(1e3))))
                .isNull();
        assertThat(Linalg.choleskyOrNull(Tensors.zeros(DType.F64, 2, 2))).isNull();
    }

    @Test
    void triangularSolvesCoverEveryCombination() {
        var a = random(1, 6, 6).add(Tensors.eye(DType.F64, 6).mul(8));
        for (var triangle : Triangle.values()) {
            var t = triangle == Triangle.LOWER ? a.tril(0) : a.triu(0);
            for (var transposition : Transposition.values()) {
                var used = transposition == Transposition.NONE ? t : t.t();
                var left = random(2, 6, 3);
                var right = random(3, 3, 6);
                TensorAssert.assertThat(
                                used.matmul(Linalg.solveTriangular(a, left, triangle, Side.LEFT, transposition)))
                        .isCloseTo(left, Tolerance.F64_DECOMPOSITION);
                TensorAssert.assertThat(Linalg.solveTriangular(a, right, triangle, Side.RIGHT, transposition)
                                .matmul(used))
                        .isCloseTo(right, Tolerance.F64_DECOMPOSITION);
            }
        }
        assertThatThrownBy(() -> Linalg.solveTriangular(
                        Tensors.zeros(DType.F64, 2, 2),
                        Tensors.ones(DType.F64, 2, 1),
                        Triangle.LOWER,
                        Side.LEFT,
                        Transposition.NONE))
                .isInstanceOfSatisfying(
                        NumericalException.class,
                        e -> assertThat(e.kind()).isEqualTo(NumericalException.Kind.SINGULAR));
    }

    @Test
    void leastSquaresIsOrthogonalToItsResidualAndOfSmallestNorm() {
        var a = random(1, 20, 6);
        var b = random(2, 20, 3);
        var residual = a.matmul(Linalg.lstsq(a, b)).sub(b);
        assertThat(magnitude(a.t().matmul(residual))).isLessThan(1e-12);
        var deficient = random(3, 20, 2).matmul(random(4, 2, 6));
        var x = Linalg.lstsq(deficient, b);
        var svd = Linalg.svd(deficient).truncate(2);
        var pseudo = svd.vt().t().matmul(svd.u().t().matmul(b).div(svd.s().unsqueeze(1)));
        TensorAssert.assertThat(x).isCloseTo(pseudo, Tolerance.F64_DECOMPOSITION);
        assertThat(Linalg.lstsq(a.t(), random(5, 6, 2)).shape()).isEqualTo(Shape.of(20, 2));
    }

    @Test
    void nonFiniteInputIsCaughtBeforeLapack() {
        var a = random(1, 4, 4).setNarrow(0, 2, Tensors.full(Double.NaN, DType.F64, 1, 4));
        for (var call : java.util.List.<Function<Tensor, Object>>of(
                Linalg::svd,
                Linalg::gramSvd,
                x -> Linalg.randomizedSvd(x, 2, 1),
                Linalg::eigh,
                Linalg::qr,
                Linalg::lu,
                Linalg::choleskyOrNull,
                x -> Linalg.lstsq(x, x))) {
            assertThatThrownBy(() -> call.apply(a))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining("NUM_NONFINITE")
                    .hasMessageContaining("[2, 0]");
        }
    }

    @Test
    void lowPrecisionInputIsWidened() {
        var a = random(1, 5, 4).to(DType.BF16);
        var svd = Linalg.svd(a);
        assertThat(svd.u().dtype()).isEqualTo(DType.F64);
        TensorAssert.assertThat(svd.reconstruct()).isCloseTo(a, Tolerance.F64_DECOMPOSITION);
        assertThatThrownBy(() -> Linalg.svd(Tensors.ones(DType.I64, 2, 2))).hasMessageContaining("floating matrix");
    }

    @Test
    void decompositionsRepeatBitForBit() {
        var a = random(1, 64, 48);
        assertThat(Linalg.svd(a).u().equalsAll(Linalg.svd(a).u())).isTrue();
        assertThat(Linalg.gramSvd(a).vt().equalsAll(Linalg.gramSvd(a).vt())).isTrue();
    }

    @Test
    void theRawSvdIsGuardedAgainstWorkspaceOverflow() {
        var large = Tensors.zeros(DType.F64, 1, 1).expand(Linalg.LARGEST_SVD + 1, Linalg.LARGEST_SVD + 1);
        assertThatThrownBy(() -> Linalg.checkWorkspace(large))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("randomizedSvd");
    }
}
