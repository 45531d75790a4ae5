package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.tensor.PsdFactor.Step;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NoNativeLeaks
class PsdFactorTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor gram(long seed, long samples, long n) {
        var x = Tensors.randn(seed, DType.F64, samples, n);
        return x.t().matmul(x);
    }

    private static PsdFactor factor(Tensor gram) {
        return PsdFactor.of(gram, "layer 3 q_proj");
    }

    /// `‖L Lᵀ − G‖ ≤ bound · max|G|`, `L` lower triangular with a positive diagonal, and both solves undo
    /// it.
    private static void assertFactorises(PsdFactor f, Tensor g, double bound) {
        var l = f.factor();
        var scale = Math.max(g.abs().max().item(), Double.MIN_NORMAL);
        assertThat(l.matmul(l.t()).sub(g).abs().max().item() / scale).isLessThanOrEqualTo(bound);
        assertThat(l.equalsAll(l.tril(0))).isTrue();
        assertThat(l.diagonal().min().item()).isPositive();
        var b = Tensors.randn(99, DType.F64, g.size(0), 2);
        TensorAssert.assertThat(l.matmul(f.solve(b))).isCloseTo(b, Tolerance.F64_DECOMPOSITION);
        TensorAssert.assertThat(l.t().matmul(f.solveTransposed(b))).isCloseTo(b, Tolerance.F64_DECOMPOSITION);
    }

    @Test
    void aHealthyGramTakesPlainCholesky() {
        var g = gram(1, 50, 12);
        var f = factor(g);
        assertThat(f.step()).isEqualTo(new Step.Cholesky());
        assertThat(f.notes()).isEmpty();
        assertFactorises(f, g, 1e-13);
    }

    @Test
    void theIdentityIsItsOwnFactor() {
        var f = factor(Tensors.eye(DType.F64, 5));
        assertThat(f.step()).isEqualTo(new Step.Cholesky());
        assertThat(f.factor().equalsAll(Tensors.eye(DType.F64, 5))).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 7})
    void fewerSamplesThanChannelsTakeARidge(long samples) {
        var g = gram(2, samples, 12);
        var f = factor(g);
        assertThat(f.step()).isEqualTo(new Step.Ridge(1e-6));
        assertThat(f.notes()).isNotEmpty();
        assertFactorises(f, g, 1e-5);
    }

    @Test
    void aDeadChannelAndTwoEqualChannelsTakeARidge() {
        var x = Tensors.randn(3, DType.F64, 40, 6);
        x.select(1, 2).fill_(0);
        var dead = x.t().matmul(x);
        assertThat(factor(dead).step()).isEqualTo(new Step.Ridge(1e-6));
        assertFactorises(factor(dead), dead, 1e-5);

        var y = Tensors.randn(4, DType.F64, 40, 6);
        y.select(1, 4).copy_(y.select(1, 1));
        var equal = y.t().matmul(y);
        assertThat(factor(equal).step()).isEqualTo(new Step.Ridge(1e-6));
        assertFactorises(factor(equal), equal, 1e-5);
    }

    @Test
    void zerosGiveATinyDiagonal() {
        var g = Tensors.zeros(DType.F64, 4, 4);
        var f = factor(g);
        assertThat(f.step()).isEqualTo(new Step.Diagonal());
        assertThat(f.notes()).anyMatch(note -> note.contains("all zero"));
        assertThat(f.factor().abs().max().item()).isLessThan(1e-10);
        assertThat(f.solve(Tensors.ones(DType.F64, 4, 1)).isFiniteAll()).isTrue();
    }

    @Test
    void aSpreadOfFortyDecadesNeedsNoRidgeWhereAnAbsoluteJitterFails() {
        var x = Tensors.randn(5, DType.F64, 60, 9);
        var scales = new double[9];
        for (var i = 0; i < 9; i++) {
            scales[i] = Math.pow(10, -10 + 2.5 * i); // diagonal of the Gram: 1e-20 to 1e20
        }
        var y = x.mul(Tensors.ofDoubles(scales, 9));
        var g = y.t().matmul(y);
        var f = factor(g);
        assertThat(f.step()).isEqualTo(new Step.Cholesky());
        // each entry to its own scale, not only to the largest
        var l = f.factor();
        var own = g.diagonal().sqrt();
        var difference = l.matmul(l.t()).sub(g).div(own).div(own.unsqueeze(1));
        assertThat(difference.abs().max().item()).isLessThan(1e-12);

        // the same with an equal channel: singular, so something must be added, and 1e-6 drowns in 1e20
        y.select(1, 7).copy_(y.select(1, 8));
        var singular = y.t().matmul(y);
        var jittered =
                Linalg.choleskyOrNull(singular.add(Tensors.eye(DType.F64, 9).mul(1e-6)));
        var saneJitter = jittered != null
                && jittered.diagonal().square().div(singular.diagonal()).min().item() > PsdFactor.SANE_PIVOT;
        assertThat(saneJitter).isFalse();
        assertThat(factor(singular).step()).isEqualTo(new Step.Ridge(1e-6));
        assertFactorises(factor(singular), singular, 1e-5);
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-290, 1e-30, 1e30, 1e290})
    void scaleDoesNotMatter(double scale) {
        var g = gram(6, 30, 8);
        var f = factor(g.mul(scale));
        assertThat(f.step()).isEqualTo(new Step.Cholesky());
        TensorAssert.assertThat(f.factor().div(Math.sqrt(scale)))
                .isCloseTo(factor(g).factor(), Tolerance.F64_DECOMPOSITION);
    }

    @Test
    void asymmetryIsNotedAndTakenOut() {
        var g = gram(7, 40, 6);
        var skewed = g.copy();
        skewed.select(0, 0).narrow(0, 1, 1).mul_(1.001);
        var f = factor(skewed);
        assertThat(f.notes()).anyMatch(note -> note.contains("asymmetric"));
        assertFactorises(f, skewed.add(skewed.t()).mul(0.5), 1e-13);
    }

    private static Tensor withEigenvalues(double... values) {
        var q = Linalg.qr(Tensors.randn(8, DType.F64, values.length, values.length))
                .q();
        return q.mul(Tensors.ofDoubles(values, values.length)).matmul(q.t());
    }

    @Test
    void aTrulyNegativeEigenvalueIsRefused() {
        assertThatThrownBy(() -> factor(withEigenvalues(1, 1, 1, 1, -1e-3)))
                .isInstanceOfSatisfying(NumericalException.class, e -> {
                    assertThat(e.kind()).isEqualTo(NumericalException.Kind.NOT_PSD);
                    assertThat(e).hasMessageContaining("NUM_NOT_PSD").hasMessageContaining("layer 3 q_proj");
                });
        assertThatThrownBy(() -> factor(Tensors.eye(DType.F64, 3).mul(-1)))
                .isInstanceOf(NumericalException.class)
                .hasMessageContaining("NUM_NOT_PSD");
    }

    @Test
    void aNegativeEigenvalueWithinToleranceTakesALargerRidge() {
        var g = withEigenvalues(1, 1, 1, 1, -3e-6);
        var f = factor(g);
        assertThat(f.step()).isEqualTo(new Step.Ridge(1e-5));
        assertFactorises(f, g, 1e-4);
    }

    @Test
    void whereNoRidgeReachesEigenvaluesAreClipped() {
        // trace/n is 1/n of the largest eigenvalue, so even a ridge of 1e-2 trace/n stays below 8e-6
        var n = 1100;
        var values = new double[n];
        values[0] = 1;
        values[n - 1] = -9.5e-6;
        var g = Tensors.eye(DType.F64, n).mul(Tensors.ofDoubles(values, n));
        var f = factor(g);
        assertThat(f.step()).isEqualTo(new Step.ClippedEigen(n - 1));
        assertFactorises(f, g, 1e-5);
    }

    @Test
    void aFailingEigensolverLeavesTheDiagonal() {
        var n = 1100;
        var values = new double[n];
        values[0] = 1;
        values[n - 1] = -9.5e-6;
        var g = Tensors.eye(DType.F64, n).mul(Tensors.ofDoubles(values, n));
        var f = PsdFactor.of(g, "layer", _ -> {
            throw new NumericalException(NumericalException.Kind.NO_CONVERGENCE, "eigh", "forced");
        });
        assertThat(f.step()).isEqualTo(new Step.Diagonal());
        assertThat(f.notes()).anyMatch(note -> note.contains("forced"));
        assertThat(f.factor().diagonal().min().item()).isPositive();
    }

    @Test
    void nonFiniteStatisticsNameTheLayer() {
        var g = gram(9, 20, 4);
        g.select(0, 1).narrow(0, 3, 1).fill_(Double.POSITIVE_INFINITY);
        assertThatThrownBy(() -> factor(g))
                .isInstanceOf(NumericalException.class)
                .hasMessageContaining("NUM_NONFINITE")
                .hasMessageContaining("layer 3 q_proj")
                .hasMessageContaining("[1, 3]");
        assertThatThrownBy(() -> factor(Tensors.ones(DType.F64, 2, 3))).hasMessageContaining("square");
    }

    @Test
    void theFactorWhitens() {
        var x = Tensors.randn(10, DType.F64, 200, 10);
        var f = factor(x.t().matmul(x));
        var white = f.solve(x.t()); // [n, samples]
        TensorAssert.assertThat(white.matmul(white.t()))
                .isCloseTo(Tensors.eye(DType.F64, 10), Tolerance.F64_DECOMPOSITION);
    }
}
