package dev.lowrank.generate.speculative;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.Sampler;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.testing.SyntheticLlama;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Whether what is drawn with a draft is distributed as without: every text of four tokens of a tiny random
/// model, its exact probability against how often it comes.
class SpeculativeDistributionTest {
    private static final int VOCABULARY = 6;
    private static final int LENGTH = 4;
    private static final int DRAWS = 20_000;
    private static final int[] PROMPT = {1, 2};

    @ParameterizedTest
    @CsvSource({"1, 0, 1, 1, 2", "1, 0, 1, 1, 3", "0.7, 4, 1, 1, 2", "1.3, 0, 0.8, 1, 3", "1, 0, 0.9, 1.5, 3"})
    void isThatOfTheModelAlone(
            double temperature, int topK, double topP, double penalty, int guesses, @TempDir Path folder)
            throws IOException {
        SyntheticLlama.write(folder.resolve("m"), new SyntheticLlama.Size(32, 2, 2, 1, 48, VOCABULARY), 4);
        SyntheticLlama.write(folder.resolve("d"), new SyntheticLlama.Size(16, 1, 2, 1, 24, VOCABULARY), 9);
        try (var model = LanguageModel.open(folder.resolve("m"));
                var other = LanguageModel.open(folder.resolve("d"));
                var decoder = RowDecoder.of(model, 1);
                var guesser = RowDecoder.of(other, 1)) {
            var counts = new int[(int) Math.pow(VOCABULARY, LENGTH)];
            var accepted = 0;
            var proposed = 0;
            for (var seed = 0; seed < DRAWS; seed++) {
                var options = new SamplingOptions(temperature, topK, topP, penalty, seed);
                try (var source = SpeculativeSource.fixed(
                        Verifier.of(decoder, decoder), Draft.of(guesser, guesser), options, VOCABULARY, guesses)) {
                    counts[text(decoder, source, options)]++;
                    accepted += source.report().accepted();
                    proposed += source.report().proposed();
                }
            }
            assertThat(accepted / (double) proposed).isBetween(0.2, 0.95);
            var expected = new double[counts.length];
            enumerate(decoder, new SamplingOptions(temperature, topK, topP, penalty, 0), new int[0], 1, expected);
            assertFits(counts, expected);
        }
    }

    private static int text(RowDecoder decoder, SpeculativeSource source, SamplingOptions options) {
        var sampler = Sampler.of(options, VOCABULARY);
        sampler.see(PROMPT);
        try (var cache = KvCache.of(decoder.spec(), PROMPT.length + LENGTH + 8)) {
            var text = source.begin(PROMPT, cache, cache.capacity(), sampler);
            var place = text.first();
            for (var i = 1; i < LENGTH; i++) {
                place = place * VOCABULARY + text.next();
            }
            return place;
        }
    }

    private static void enumerate(
            RowDecoder decoder, SamplingOptions options, int[] tokens, double probability, double[] expected) {
        if (tokens.length == LENGTH) {
            var place = 0;
            for (var token : tokens) {
                place = place * VOCABULARY + token;
            }
            expected[place] = probability;
            return;
        }
        var sampler = Sampler.of(options, VOCABULARY);
        sampler.see(PROMPT);
        sampler.see(tokens);
        double[] next;
        try (var cache = KvCache.of(decoder.spec(), PROMPT.length + LENGTH)) {
            var all = java.util.Arrays.copyOf(PROMPT, PROMPT.length + tokens.length);
            System.arraycopy(tokens, 0, all, PROMPT.length, tokens.length);
            next = sampler.probabilities(decoder.prefill(all, cache));
        }
        for (var token = 0; token < VOCABULARY; token++) {
            var longer = java.util.Arrays.copyOf(tokens, tokens.length + 1);
            longer[tokens.length] = token;
            if (next[token] > 0) {
                enumerate(decoder, options, longer, probability * next[token], expected);
            }
        }
    }

    /// Chi-square over the texts, those expected fewer than five times together.
    private static void assertFits(int[] counts, double[] expected) {
        var statistic = 0.0;
        var cells = 0;
        var rareCount = 0.0;
        var rareMean = 0.0;
        for (var i = 0; i < counts.length; i++) {
            var mean = expected[i] * DRAWS;
            if (mean == 0) {
                assertThat(counts[i]).isZero();
            } else if (mean < 5) {
                rareCount += counts[i];
                rareMean += mean;
            } else {
                statistic += (counts[i] - mean) * (counts[i] - mean) / mean;
                cells++;
            }
        }
        if (rareMean >= 5) {
            statistic += (rareCount - rareMean) * (rareCount - rareMean) / rareMean;
            cells++;
        }
        // Its mean and, for many cells, nearly normal spread; 4 deviations are passed once in 30,000 times.
        assertThat(statistic).isLessThan(cells - 1 + 4 * Math.sqrt(2.0 * (cells - 1)));
    }
}
