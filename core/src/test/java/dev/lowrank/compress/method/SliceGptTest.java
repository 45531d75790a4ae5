package dev.lowrank.compress.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.statistics.StreamMoment;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The mathematics of SliceGPT in F64: what the rotation must leave exactly as it was, and what slicing
/// takes.
@NoNativeLeaks
class SliceGptTest {
    private static final int HIDDEN = 24;
    private static final int TOKENS = 60;
    /// Large, so that a norm with a wrong one is found out.
    private static final double EPSILON = 0.3;

    private static Tensor random(int seed, long... sizes) {
        return Tensors.randn(seed, DType.F64, sizes);
    }

    private static StreamAxes axes(Tensor stream, int width) {
        var normed = Functional.rmsNorm(stream, Tensors.ones(DType.F64, HIDDEN), EPSILON);
        return new SliceGpt().axes(normed.t().matmul(normed), width);
    }

    /// What a linear behind a norm computes of the whole stream, and of the narrow one.
    private static double readingError(Tensor stream, StreamAxes axes) {
        var weight = random(2, 17, HIDDEN);
        var scale = random(3, HIDDEN);
        var width = axes.basis().size(1);
        var expected = Functional.rmsNorm(stream, scale, EPSILON).matmul(weight.t());
        var epsilon = StreamAxes.epsilon(EPSILON, HIDDEN, (int) width);
        var narrow = Functional.rmsNorm(axes.rows(stream), Tensors.ones(DType.F64, width), epsilon);
        var found = narrow.matmul(axes.reader(weight, scale).t());
        return found.sub(expected).norm().item() / expected.norm().item();
    }

    @Test
    void aRotationAloneChangesNothingThatIsRead() {
        TensorScope.tidyRun(() -> {
            var stream = random(1, TOKENS, HIDDEN).mul(random(4, HIDDEN).square());
            var axes = axes(stream, HIDDEN);
            assertThat(axes.kept()).isCloseTo(1, within(1e-14));
            assertThat(axes.gain()).isEqualTo(1);
            assertThat(readingError(stream, axes)).isLessThan(1e-13);
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 9, 16, 23})
    void slicingAStreamToTheSubspaceItLiesInChangesNothingThatIsRead(int width) {
        TensorScope.tidyRun(() -> {
            var stream = random(1, TOKENS, width).matmul(random(5, width, HIDDEN));
            assertThat(readingError(stream, axes(stream, width))).isLessThan(1e-12);
            assertThat(axes(stream, width).relativeError()).isLessThan(1e-7);
            assertThat(readingError(stream, axes(stream, width - 1))).isGreaterThan(1e-3);
        });
    }

    @Test
    void whatIsWrittenToTheNarrowStreamIsWhatTheAxesSeeOfTheWholeOne() {
        TensorScope.tidyRun(() -> {
            var axes = axes(random(1, TOKENS, HIDDEN), 10);
            var weight = random(6, HIDDEN, 13);
            var input = random(7, TOKENS, 13);
            var narrow = input.matmul(axes.writer(weight).t());
            var seen = axes.rows(input.matmul(weight.t()));
            assertThat(narrow.sub(seen).norm().item()).isLessThan(1e-12);
        });
    }

    @Test
    void noOtherAxesHoldMoreAndWhatTheyHoldIsCounted() {
        TensorScope.tidyRun(() -> {
            var stream = random(1, TOKENS, HIDDEN).mul(random(4, HIDDEN));
            var normed = Functional.rmsNorm(stream, Tensors.ones(DType.F64, HIDDEN), EPSILON);
            var axes = axes(stream, 8);
            var all = normed.square().sum().item();
            assertThat(normed.matmul(axes.basis()).square().sum().item() / all).isCloseTo(axes.kept(), within(1e-12));
            var gram = axes.basis().t().matmul(axes.basis());
            assertThat(gram.sub(Tensors.eye(DType.F64, 8)).abs().max().item()).isLessThan(1e-13);
            for (var seed = 10; seed < 20; seed++) {
                var other = Linalg.qr(random(seed, HIDDEN, 8)).q();
                assertThat(normed.matmul(other).square().sum().item() / all).isLessThan(axes.kept());
            }
        });
    }

    @Test
    void momentsOfSharesAndBatchesAddUpToThatOfAllNormalisedTokens() {
        TensorScope.tidyRun(() -> {
            var stream = random(8, 12, HIDDEN).mul(1e3).to(DType.F32);
            try (var one = new StreamMoment(HIDDEN, EPSILON);
                    var other = new StreamMoment(HIDDEN, EPSILON)) {
                one.add(stream.narrow(0, 0, 4).reshape(2, 2, HIDDEN));
                one.add(stream.narrow(0, 4, 5));
                other.add(stream.narrow(0, 9, 3));
                one.add(other);
                var found = one.finish("test");
                var normed = Functional.rmsNorm(stream.to(DType.F64), Tensors.ones(DType.F64, HIDDEN), EPSILON);
                var expected = normed.t().matmul(normed);
                assertThat(found.sub(expected).norm().item() / expected.norm().item())
                        .isLessThan(1e-6);
                // Every token counts the same, so the trace counts them.
                assertThat(found.diagonal().sum().item()).isCloseTo(12.0 * HIDDEN, within(1e-3));
            }
        });
    }

    @Test
    void aStreamThatIsNotFiniteOrNothingIsRefused() {
        TensorScope.tidyRun(() -> {
            try (var sum = new StreamMoment(HIDDEN, EPSILON)) {
                sum.add(Tensors.full(Double.NaN, DType.F32, 3, HIDDEN));
                assertThatThrownBy(() -> sum.finish("residual stream in block 7"))
                        .isInstanceOf(NumericalException.class)
                        .hasMessageContaining("block 7");
            }
            assertThatThrownBy(() -> new SliceGpt().axes(Tensors.zeros(DType.F64, HIDDEN, HIDDEN), 4))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining("residual stream");
        });
    }
}
