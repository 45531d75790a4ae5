package dev.lowrank.evaluate.likelihood;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TokenForest;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@NoNativeLeaks
class LogLikelihoodsTest {
    private static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");

    private interface Work {
        void on(TorchDecoder decoder, Tokenizer tokenizer, int vocabulary);
    }

    private static void withPocket(Work work) {
        TensorScope.tidyRun(() -> {
            try (var model = LanguageModel.open(POCKET);
                    var decoder = TorchDecoder.load(model, Residency.RESIDENT);
                    var tokenizer = model.tokenizer()) {
                work.on(decoder, tokenizer, model.spec().vocabSize());
            }
        });
    }

    /// Log-likelihood by whole logits of the request alone.
    private static double alone(TorchDecoder decoder, int[] input, int[] targets) {
        return TensorScope.tidy(() -> {
            var rows = decoder.logits(List.of(input)).select(0, 0).logSoftmax(-1);
            var sum = 0.0;
            for (var i = 0; i < targets.length; i++) {
                sum += rows.select(0, input.length - targets.length + i).toDoubles()[targets[i]];
            }
            return sum;
        });
    }

    static Stream<GoldenModel> models() {
        return GoldenModel.ofEachArchitecture();
    }

    @ParameterizedTest
    @MethodSource("models")
    void aForestGivesTheLogitsOfItsTextsApart(GoldenModel golden) {
        TensorScope.tidyRun(() -> {
            try (var model = LanguageModel.open(golden.folder());
                    var decoder = TorchDecoder.load(model, Residency.RESIDENT)) {
                var random = new Random(7);
                var stem = random.ints(5, 0, model.spec().vocabSize()).toArray();
                var trunk = random.ints(3, 0, model.spec().vocabSize()).toArray();
                var texts = new ArrayList<int[]>();
                for (var length : new int[] {2, 4, 1}) {
                    var leaf = random.ints(length, 0, model.spec().vocabSize()).toArray();
                    texts.add(IntStream.concat(Arrays.stream(trunk), Arrays.stream(leaf))
                            .toArray());
                }
                var builder = new TokenForest.Builder();
                var nodes = texts.stream().map(builder::add).toList();
                assertThat(builder.size()).isEqualTo(trunk.length + 2 + 4 + 1);
                var other = new TokenForest.Builder();
                other.add(trunk);
                var forest = new TokenForest(List.of(other.build(), builder.build()));
                try (var cache = decoder.cache(stem.length)) {
                    decoder.prefill(stem, cache);
                    var found = decoder.logits(decoder.hidden(forest, cache)).select(0, 0);
                    for (var i = 0; i < texts.size(); i++) {
                        var whole = IntStream.concat(Arrays.stream(stem), Arrays.stream(texts.get(i)))
                                .toArray();
                        var expected = decoder.logits(List.of(whole)).select(0, 0);
                        for (var j = 0; j < texts.get(i).length; j++) {
                            assertThat(found.select(0, trunk.length + nodes.get(i)[j])
                                            .toDoubles())
                                    .containsExactly(
                                            expected.select(0, stem.length + j).toDoubles(), within(1e-3));
                        }
                    }
                }
            }
        });
    }

    @Test
    void sharedBeginningsChangeNothing() {
        withPocket((decoder, tokenizer, vocabulary) -> {
            var requests = new ArrayList<LogLikelihoodRequest>();
            var prompt = "def add(first, second):\n    return first + second\n\n".repeat(6);
            for (var i = 0; i < 40; i++) {
                var context = (i % 2 == 0 ? prompt : "") + "x" + i / 4 + " = ";
                requests.add(new LogLikelihoodRequest(context, "value" + i));
                requests.add(new LogLikelihoodRequest(context, "1"));
            }
            requests.add(new LogLikelihoodRequest("", "import os"));
            requests.add(new LogLikelihoodRequest("y = x + 1\nz = y * 2\n".repeat(25), "return z"));
            var maxLength = 512;
            var found =
                    new LogLikelihoods(decoder, tokenizer, maxLength, vocabulary).of("x", requests, Progress.silent());
            assertThat(found.truncated()).isZero();
            var encoding = new RequestEncoding(tokenizer, maxLength);
            for (var i = 0; i < requests.size(); i++) {
                var encoded = encoding.of(requests.get(i));
                assertThat(found.values().get(i).value())
                        .isCloseTo(alone(decoder, encoded.input(), encoded.targets()), within(1e-3));
            }
        });
    }

    @Test
    void whatIsTooLongLosesItsBeginning() {
        withPocket((decoder, tokenizer, vocabulary) -> {
            var request = new LogLikelihoodRequest("a = 1\n".repeat(30), "b = 2");
            var encoded = new RequestEncoding(tokenizer, 16).of(request);
            var whole = tokenizer.encodeWithSpecials(request.context() + request.continuation());
            assertThat(encoded.input()).hasSize(16);
            assertThat(encoded.input()).isEqualTo(Arrays.copyOfRange(whole, whole.length - 17, whole.length - 1));
            var found =
                    new LogLikelihoods(decoder, tokenizer, 16, vocabulary).of("x", List.of(request), Progress.silent());
            assertThat(found.truncated()).isOne();
            assertThat(found.values().getFirst().value())
                    .isCloseTo(alone(decoder, encoded.input(), encoded.targets()), within(1e-3));
        });
    }

    @Test
    void spacesAtTheEndOfTheContextBelongToTheContinuation() {
        withPocket((decoder, tokenizer, vocabulary) -> {
            var encoding = new RequestEncoding(tokenizer, 512);
            var moved = encoding.of(new LogLikelihoodRequest("return \u00a0", "x"));
            var plain = encoding.of(new LogLikelihoodRequest("return", " \u00a0x"));
            assertThat(moved.input()).isEqualTo(plain.input());
            assertThat(moved.targets()).isEqualTo(plain.targets());
        });
    }

    @Test
    void aContinuationBeyondTheWindowIsRefused() {
        withPocket((decoder, tokenizer, vocabulary) -> {
            var requests = List.of(new LogLikelihoodRequest("a", "b = 2\n".repeat(30)));
            var likelihoods = new LogLikelihoods(decoder, tokenizer, 16, vocabulary);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> likelihoods.of("x", requests, Progress.silent()))
                    .withMessageContaining("window of 16");
        });
    }
}
