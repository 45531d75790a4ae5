package dev.lowrank.evaluate.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.evaluate.encoder.LabelTask.Example;
import dev.lowrank.evaluate.encoder.StsBenchmark.Pair;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchEncoder;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.GoldenEncoder;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.text.Corpus;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

@NoNativeLeaks
class SentenceEmbedderTest {
    private static final List<String> TEXTS = List.of(
            "A man plays the guitar.",
            "The dog runs.",
            "A woman rides a big horse.",
            "the cat is on the dog",
            "",
            "blue");

    private static SentenceEmbedder.Embeddings embedded(List<String> texts) {
        try (var model = LanguageModel.open(GoldenEncoder.SENTENCE.folder());
                var embedder = SentenceEmbedder.open(model)) {
            assertThat(embedder.maxTokens()).isEqualTo(24);
            return embedder.embed(texts, Progress.silent());
        }
    }

    @Test
    void anEmbeddingIsTheNormalisedMeanOfTheHiddenStates() {
        var found = embedded(TEXTS);
        TensorScope.tidyRun(() -> {
            try (var model = LanguageModel.open(GoldenEncoder.SENTENCE.folder());
                    var encoder = TorchEncoder.load(model);
                    var tokenizer = model.tokenizer()) {
                for (var i = 0; i < TEXTS.size(); i++) {
                    var ids = tokenizer.encodeWithSpecials(TEXTS.get(i));
                    var states = encoder.hidden(List.of(ids)).toFloats();
                    var mean = new double[32];
                    for (var j = 0; j < states.length; j++) {
                        mean[j % 32] += states[j];
                    }
                    var length = Math.sqrt(Arrays.stream(mean).map(x -> x * x).sum());
                    for (var j = 0; j < 32; j++) {
                        assertThat(found.vectors().get(i)[j]).isCloseTo((float) (mean[j] / length), within(1e-5f));
                    }
                }
            }
        });
    }

    @Test
    void aTextsVectorDoesNotDependOnWhatElseIsEmbedded() {
        var together = embedded(TEXTS);
        for (var i = 0; i < TEXTS.size(); i++) {
            var alone = embedded(List.of(TEXTS.get(i))).vectors().getFirst();
            for (var j = 0; j < alone.length; j++) {
                assertThat(together.vectors().get(i)[j]).isCloseTo(alone[j], within(1e-5f));
            }
        }
    }

    @Test
    void longTextsAreCutAndCounted() {
        var found = embedded(List.of("dog ".repeat(100), "dog ".repeat(22), "dog ".repeat(23)));
        assertThat(found.truncated()).isEqualTo(2);
        assertThat(found.vectors().get(0)).containsExactly(found.vectors().get(2));
    }

    @Test
    void agreementIsHundredWhereScoresAreTheCosines() {
        var vectors = embedded(TEXTS).vectors();
        var pairs = List.of(0, 1, 2, 3).stream()
                .map(i -> new Pair(TEXTS.get(i), TEXTS.get(5), dot(vectors.get(i), vectors.get(5))))
                .toList();
        try (var model = LanguageModel.open(GoldenEncoder.SENTENCE.folder());
                var embedder = SentenceEmbedder.open(model)) {
            var found = StsBenchmark.measure(embedder, pairs, Progress.silent());
            assertThat(found.spearman()).isCloseTo(100, within(1e-9));
            assertThat(found.pearson()).isCloseTo(100, within(1e-3));
            assertThat(found.spearmanError()).isCloseTo(0, within(1e-9));
            assertThat(found.pairs()).isEqualTo(4);
            assertThatThrownBy(() -> StsBenchmark.measure(embedder, pairs.subList(0, 3), Progress.silent()))
                    .hasMessageContaining("at least 4");
        }
    }

    private static double dot(float[] a, float[] b) {
        var sum = 0.0;
        for (var i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    @Test
    void theLargestScoreOfAClassifierIsTheLabelTold() {
        var examples = List.of(new Example("a man plays", "the dog runs", 0), new Example("blue", "red", 1));
        try (var model = LanguageModel.open(GoldenEncoder.CLASSIFIER.folder());
                var embedder = SentenceEmbedder.open(model)) {
            var found = LabelScores.byClassifier(embedder, new int[] {0, 1, 0}, examples, Progress.silent());
            var right = 0;
            for (var example : examples) {
                right += told(model, example) == example.label() ? 1 : 0;
            }
            assertThat(found.accuracy()).isEqualTo(right / 2.0);
            assertThat(found.protocol()).isEqualTo("classifier");
        }
    }

    /// Label of a pair by the tokenizer's own pair rule, spelled out.
    private static int told(LanguageModel model, Example example) {
        return TensorScope.tidy(() -> {
            try (var encoder = TorchEncoder.load(model);
                    var tokenizer = model.tokenizer()) {
                var first = tokenizer.encodeWithSpecials(example.first());
                var second = tokenizer.encode(String.valueOf(example.second()));
                var ids = Arrays.copyOf(first, first.length + second.length + 1);
                System.arraycopy(second, 0, ids, first.length, second.length);
                ids[ids.length - 1] = first[first.length - 1];
                var segments = new int[ids.length];
                Arrays.fill(segments, first.length, ids.length, 1);
                var scores = encoder.labels(encoder.hidden(List.of(ids), List.of(segments)))
                        .toFloats();
                var best = scores[0] >= scores[1] && scores[0] >= scores[2] ? 0 : scores[1] >= scores[2] ? 1 : 2;
                return best == 1 ? 1 : 0;
            }
        });
    }

    @Test
    void hiddenTokensAreOneInSevenAndNeverTheFrame() {
        var places = MaskedTokens.places(40, new SplittableRandom(1));
        assertThat(places).hasSize(6).doesNotHaveDuplicates().isSorted();
        assertThat(places[0]).isPositive();
        assertThat(places[5]).isLessThanOrEqualTo(40);
        assertThat(MaskedTokens.places(1, new SplittableRandom(1))).containsExactly(1);
    }

    @Test
    void maskedTokensAreMeasuredTheSameEveryTime() {
        var corpus = Corpus.of(
                "dogs.txt", "the dog runs on the red horse. ".repeat(20).getBytes(StandardCharsets.UTF_8));
        try (var model = LanguageModel.open(GoldenEncoder.MASKED.folder())) {
            var found = MaskedTokens.measure(model, corpus, 22, 5, Progress.silent());
            assertThat(found.windows()).isEqualTo(5);
            assertThat(found.tokens()).isEqualTo(15);
            assertThat(found.window()).isEqualTo(22);
            assertThat(found.value()).isGreaterThan(1);
            assertThat(MaskedTokens.measure(model, corpus, 22, 5, Progress.silent()))
                    .isEqualTo(found);
        }
        try (var model = LanguageModel.open(GoldenEncoder.SENTENCE.folder())) {
            assertThatThrownBy(() -> MaskedTokens.measure(model, corpus, 22, 5, Progress.silent()))
                    .hasMessageContaining("no masked-token head");
        }
    }
}
