package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.tensor.Linalg.Side;
import dev.lowrank.tensor.Linalg.Transposition;
import dev.lowrank.tensor.Linalg.Triangle;
import dev.lowrank.testing.NoNativeLeaks;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// What is split over cores gives what it gives on one, up to the last bits.
@NoNativeLeaks
class SideBySideTest {
    @ParameterizedTest
    @CsvSource({"256, 256, 256", "257, 300, 129", "3, 1700, 1700"})
    void aProduct(long rows, long inner, long columns) {
        TensorScope.tidyRun(() -> {
            var a = Tensors.randn(1, DType.F64, rows, inner);
            var b = Tensors.randn(2, DType.F64, columns, inner).t(); // not contiguous
            assertThat(with(3, () -> SideBySide.pays(a, b))).isTrue();
            assertClose(with(3, () -> a.matmul(b)), with(1, () -> a.matmul(b)));
        });
    }

    @Test
    void aProductOfWhichAGradientIsWantedStaysWhole() {
        TensorScope.tidyRun(() -> {
            var a = Tensors.randn(1, DType.F32, 256, 256);
            assertThat(with(2, () -> Grad.on(() -> SideBySide.pays(a, a)))).isFalse();
            assertThat(with(2, () -> Grad.off(() -> SideBySide.pays(a, a)))).isTrue();
        });
    }

    @ParameterizedTest
    @EnumSource(Side.class)
    void aTriangularSolve(Side side) {
        TensorScope.tidyRun(() -> {
            var a = Tensors.randn(3, DType.F64, 40, 40)
                    .tril(0)
                    .add(Tensors.eye(DType.F64, 40).mul(8));
            var b = side == Side.LEFT ? Tensors.randn(4, DType.F64, 40, 7) : Tensors.randn(4, DType.F64, 7, 40);
            Supplier<Tensor> solve = () -> Linalg.solveTriangular(a, b, Triangle.LOWER, side, Transposition.TRANSPOSED);
            assertClose(with(3, solve), with(1, solve));
            var back = side == Side.LEFT
                    ? a.t().matmul(with(3, solve))
                    : with(3, solve).matmul(a.t());
            assertClose(back, b);
        });
    }

    private static void assertClose(Tensor found, Tensor expected) {
        assertThat(found.sub(expected).norm().item())
                .isLessThan(1e-12 * expected.norm().item());
    }

    private static <T> T with(int threads, Supplier<T> work) {
        var before = Compute.threads();
        Compute.setThreads(threads);
        try {
            return Grad.enabled() ? Grad.off(work) : work.get();
        } finally {
            Compute.setThreads(before);
        }
    }
}
