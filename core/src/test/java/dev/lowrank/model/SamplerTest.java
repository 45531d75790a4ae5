package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.tensor.NumericalException;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
    /// Draws of one distribution; a chi-square then sees shifts of half a percent.
    private static final int DRAWS = 40_000;

    /// Upper 1e-4 points of chi-square with 1 to 4 degrees of freedom.
    private static final double[] CHI_SQUARE_LIMIT = {0, 15.14, 18.42, 21.11, 23.51};

    /// Logits of the probabilities 0.4, 0.3, 0.15, 0.1, 0.05, in another order.
    private static final float[] LOGITS = logits(0.1, 0.4, 0.05, 0.3, 0.15);

    private static float[] logits(double... probabilities) {
        var logits = new float[probabilities.length];
        for (var i = 0; i < logits.length; i++) {
            logits[i] = (float) (Math.log(probabilities[i]) + 3);
        }
        return logits;
    }

    /// Draws many times and compares counts with a distribution by chi-square; what has probability 0 must
    /// not occur.
    private static void assertDraws(SamplingOptions options, float[] logits, double... expected) {
        assertDraws(options, logits, new int[0], expected);
    }

    private static void assertDraws(SamplingOptions options, float[] logits, int[] seen, double... expected) {
        var counts = new int[expected.length];
        var seeds = new SplittableRandom(options.seed());
        for (var i = 0; i < DRAWS; i++) {
            var fresh = new SamplingOptions(
                    options.temperature(),
                    options.topK(),
                    options.topP(),
                    options.repetitionPenalty(),
                    seeds.nextLong());
            var sampler = Sampler.of(fresh, logits.length);
            sampler.see(seen);
            counts[sampler.next(logits)]++;
        }
        var total = Arrays.stream(expected).sum();
        var statistic = 0.0;
        var freedom = -1;
        for (var i = 0; i < counts.length; i++) {
            var mean = expected[i] / total * DRAWS;
            if (mean == 0) {
                assertThat(counts[i]).as("draws of token %d", i).isZero();
            } else {
                statistic += (counts[i] - mean) * (counts[i] - mean) / mean;
                freedom++;
            }
        }
        assertThat(statistic).isLessThan(freedom == 0 ? 1e-9 : CHI_SQUARE_LIMIT[freedom]);
    }

    private static SamplingOptions options(double temperature, int topK, double topP, double penalty) {
        return new SamplingOptions(temperature, topK, topP, penalty, 20261122);
    }

    @Test
    void plainSamplingFollowsTheSoftmax() {
        assertDraws(options(1, 0, 1, 1), LOGITS, 0.1, 0.4, 0.05, 0.3, 0.15);
    }

    @Test
    void temperatureRaisesProbabilitiesToItsInverse() {
        assertDraws(options(0.5, 0, 1, 1), LOGITS, 0.01, 0.16, 0.0025, 0.09, 0.0225);
    }

    @Test
    void topKKeepsTheMostLikelyAndTies() {
        assertDraws(options(1, 2, 1, 1), LOGITS, 0, 0.4, 0, 0.3, 0);
        assertDraws(options(1, 2, 1, 1), new float[] {1, 2, 1, 1, 0}, 1, Math.E, 1, 1, 0);
        assertDraws(options(1, 99, 1, 1), LOGITS, 0.1, 0.4, 0.05, 0.3, 0.15);
    }

    @Test
    void topPDropsTheTailThatStaysWithinTheRest() {
        // Ascending sums are 0.05, 0.15, 0.3, 0.6: those up to 1 − p go.
        assertDraws(options(1, 0, 0.8, 1), LOGITS, 0, 0.4, 0, 0.3, 0.15);
        assertDraws(options(1, 0, 0.65, 1), LOGITS, 0, 0.4, 0, 0.3, 0);
        assertDraws(options(1, 0, 0.01, 1), LOGITS, 0, 1, 0, 0, 0);
    }

    @Test
    void topPComesAfterTemperatureAndTopK() {
        // After top-k 3: 0.4, 0.3, 0.15 of 0.85; the last is 0.176 of them, more than 1 − 0.85.
        assertDraws(options(1, 3, 0.85, 1), LOGITS, 0, 0.4, 0, 0.3, 0.15);
        assertDraws(options(1, 3, 0.8, 1), LOGITS, 0, 0.4, 0, 0.3, 0);
        // At temperature 0.5 the squares count: 0.16 and 0.09 are 0.877 of 0.285.
        assertDraws(options(0.5, 0, 0.87, 1), LOGITS, 0, 0.16, 0, 0.09, 0);
    }

    @Test
    void theRepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits() {
        var logits = new float[] {2, 1, -1, 0.5f};
        assertDraws(
                options(1, 0, 1, 2),
                logits,
                new int[] {0, 2, 2},
                Math.exp(1),
                Math.exp(1),
                Math.exp(-2),
                Math.exp(0.5));
        var greedy = Sampler.of(new SamplingOptions(0, 0, 1, 4, 1), 4);
        // 0 falls to 0.5, then 1 to 0.25; 0 comes before the equal 3.
        assertThat(new int[] {greedy.next(logits), greedy.next(logits), greedy.next(logits)})
                .containsExactly(0, 1, 0);
    }

    @Test
    void greedyTakesTheFirstOfTheLargest() {
        var sampler = Sampler.of(SamplingOptions.greedy(), 4);
        assertThat(sampler.next(new float[] {-3, -1, -1, Float.NEGATIVE_INFINITY}))
                .isEqualTo(1);
    }

    @Test
    void rowsBeyondTheVocabularyAreNeverChosen() {
        assertThat(Sampler.of(SamplingOptions.greedy(), 3).next(new float[] {1, 2, 0, 50}))
                .isEqualTo(1);
        assertDraws(options(1, 0, 1, 1), new float[] {0, 0, Float.NEGATIVE_INFINITY}, 1, 1, 0);
    }

    @Test
    void oneSeedDrawsTheSameTokensAgain() {
        var random = new SplittableRandom(9);
        var logits = new float[50];
        for (var i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextDouble(-2, 2);
        }
        assertThat(drawn(7, logits)).containsExactly(drawn(7, logits)).isNotEqualTo(drawn(8, logits));
    }

    private static int[] drawn(long seed, float[] logits) {
        var sampler = Sampler.of(new SamplingOptions(0.9, 20, 0.95, 1.1, seed), logits.length);
        var tokens = new int[40];
        for (var i = 0; i < tokens.length; i++) {
            tokens[i] = sampler.next(logits);
        }
        return tokens;
    }

    /// Sorting all tokens, as `transformers` does, must keep the same ones.
    @ParameterizedTest
    @ValueSource(doubles = {0.1, 0.5, 0.9, 0.99, 0.9999})
    void topPOverManyTokensKeepsWhatAFullSortKeeps(double topP) {
        var random = new SplittableRandom(13);
        var logits = new float[2_000];
        for (var i = 0; i < logits.length; i++) {
            logits[i] = (float) (random.nextGaussian() * 4);
        }
        var total = 0.0;
        for (var logit : logits) {
            total += Math.exp(logit);
        }
        var sorted = logits.clone();
        Arrays.sort(sorted);
        var sum = 0.0;
        var first = 0;
        while (first < sorted.length - 1 && sum + Math.exp(sorted[first]) <= (1 - topP) * total) {
            sum += Math.exp(sorted[first++]);
        }
        var smallest = Float.POSITIVE_INFINITY;
        for (var seed = 0; seed < 3_000; seed++) {
            var token = Sampler.of(new SamplingOptions(1, 0, topP, 1, seed), logits.length)
                    .next(logits);
            smallest = Math.min(smallest, logits[token]);
        }
        assertThat(smallest).isGreaterThanOrEqualTo(sorted[first]);
        if (topP <= 0.5) {
            assertThat(smallest).isEqualTo(sorted[first]);
        }
    }

    @Test
    void brokenLogitsAreANumericalError() {
        var sampler = Sampler.of(SamplingOptions.greedy(), 3);
        assertThatThrownBy(() -> sampler.next(new float[] {0, Float.NaN, 0}))
                .isInstanceOf(NumericalException.class)
                .hasMessageContaining("logit 1 is NaN");
        assertThatThrownBy(() -> sampler.next(new float[] {0, 0, Float.POSITIVE_INFINITY}))
                .isInstanceOf(NumericalException.class);
        var none = new float[] {Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY};
        assertThatThrownBy(() -> sampler.next(none)).isInstanceOf(NumericalException.class);
    }

    @Test
    void optionsOutOfRangeAreRefused() {
        for (var temperature : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> new SamplingOptions(temperature, 0, 1, 1, 0))
                    .hasMessageContaining("temperature");
        }
        assertThatThrownBy(() -> new SamplingOptions(1, -1, 1, 1, 0)).hasMessageContaining("top-k");
        for (var topP : new double[] {0, 1.1, Double.NaN}) {
            assertThatThrownBy(() -> new SamplingOptions(1, 0, topP, 1, 0)).hasMessageContaining("top-p");
        }
        for (var penalty : new double[] {0, -1, Double.NaN}) {
            assertThatThrownBy(() -> new SamplingOptions(1, 0, 1, penalty, 0)).hasMessageContaining("penalty");
        }
        assertThatThrownBy(() -> Sampler.of(SamplingOptions.greedy(), 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
