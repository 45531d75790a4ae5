package dev.lowrank.compress.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NoNativeLeaks
class ShrinkageTest {
    private static final int IN = 20;
    private static final int OUT = 12;

    @Test
    void theOutputsAreDrawnAsTheInputsAre() {
        TensorScope.tidyRun(() -> {
            var gram = gram(inputs(200, 1));
            var weight = Tensors.randn(2, DType.F64, OUT, IN);
            var energy = gram.diagonal().sum().item();
            var half = new Shrinkage(0.4);
            var atInput = half.apply(new SecondMoment.Input(gram), weight, 200);
            var atOutput =
                    half.apply(new SecondMoment.Output(weight.matmul(gram).matmul(weight.t()), energy), weight, 200);
            var expected = weight.matmul(atInput.moment().sum()).matmul(weight.t());
            assertThat(atOutput.moment().sum().sub(expected).norm().item())
                    .isLessThan(1e-12 * expected.norm().item());
            assertThat(atInput.moment().energy()).isCloseTo(energy, within(1e-9 * energy));
            assertThat(atInput.share()).isEqualTo(0.4);
        });
    }

    @Test
    void theEstimateIsThatOfItsPaperInEquationTwentyThree() {
        TensorScope.tidyRun(() -> {
            var tokens = 10L * IN - 1;
            var gram = gram(inputs((int) tokens, 3));
            var found = Shrinkage.ESTIMATED
                    .apply(new SecondMoment.Input(gram), Tensors.eye(DType.F64, IN), tokens)
                    .share();
            var p = (double) IN;
            var n = tokens / Shrinkage.TOKENS_PER_SAMPLE;
            var covariance = gram.div((double) tokens);
            var squares = covariance.matmul(covariance).diagonal().sum().item();
            var trace = covariance.diagonal().sum().item();
            var expected = ((1 - 2 / p) * squares + trace * trace) / ((n + 1 - 2 / p) * (squares - trace * trace / p));
            assertThat(found).isCloseTo(expected, within(1e-9)).isBetween(0.01, 0.9);
        });
    }

    @Test
    void theEstimateFallsAsTokensGrowAndEndsWhereTheyAreEnough() {
        TensorScope.tidyRun(() -> {
            var gram = gram(inputs(100, 4));
            var last = 0.9;
            for (var tokens : new long[] {120, 150, 199, 200}) {
                var share = Shrinkage.ESTIMATED
                        .apply(new SecondMoment.Input(gram), Tensors.eye(DType.F64, IN), tokens)
                        .share();
                assertThat(share).isLessThan(last).isBetween(0.0, 0.9);
                last = share;
            }
            assertThat(last).isZero();
        });
    }

    /// What it is for: with few independent samples the shrunk moment is nearer to the true one.
    @ParameterizedTest
    @ValueSource(ints = {3, 5, 8, 12})
    void ofFewSamplesItComesNearerToTheTruth(int samples) {
        TensorScope.tidyRun(() -> {
            var truth = gram(inputs(200_000, 5)).div(200_000.0);
            var asMeasured = 0.0;
            var drawn = 0.0;
            for (var seed = 0; seed < 20; seed++) {
                // Every sample stands for as many alike tokens as the estimate takes for one.
                var tokens = (long) (samples * Shrinkage.TOKENS_PER_SAMPLE);
                var measured = gram(inputs(samples, 100 + seed)).mul(Shrinkage.TOKENS_PER_SAMPLE);
                var shrunk =
                        Shrinkage.ESTIMATED.apply(new SecondMoment.Input(measured), Tensors.eye(DType.F64, IN), tokens);
                assertThat(shrunk.share()).isPositive();
                asMeasured += distance(measured.div((double) tokens), truth);
                drawn += distance(shrunk.moment().sum().div((double) tokens), truth);
            }
            assertThat(drawn).isLessThan(asMeasured);
        });
    }

    @Test
    void nothingIsDrawnWhereNothingIsAskedOrThereIsNoEnergy() {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.eye(DType.F64, IN);
            var moment = new SecondMoment.Input(gram(inputs(50, 6)));
            assertThat(Shrinkage.NONE.apply(moment, weight, 50).moment()).isSameAs(moment);
            var empty = new SecondMoment.Input(Tensors.zeros(DType.F64, IN, IN));
            assertThat(Shrinkage.ESTIMATED.apply(empty, weight, 50).share()).isZero();
        });
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.1, 1, Double.NaN})
    void aShareOutOfRangeIsRefused(double share) {
        assertThatThrownBy(() -> new Shrinkage(share)).hasMessageContaining("--input-shrinkage");
    }

    /// Channels of falling variance, mixed.
    private static Tensor inputs(int tokens, long seed) {
        var mixing = Tensors.randn(9, DType.F64, IN, IN).mul(1 / Math.sqrt(IN));
        return Tensors.randn(seed, DType.F64, tokens, IN)
                .mul(Tensors.arange(1, IN + 1, DType.F64).pow(-1))
                .matmul(mixing);
    }

    private static Tensor gram(Tensor inputs) {
        return inputs.t().matmul(inputs);
    }

    private static double distance(Tensor a, Tensor b) {
        return a.sub(b).norm().item();
    }
}
