package dev.lowrank.generate.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.Generation;
import dev.lowrank.model.Generator;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The pocket model with drafts of its own.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SpeculativeSourceTest {
    private static final int TOKENS = 80;
    private static final SamplingOptions GREEDY = SamplingOptions.greedy();
    private static final SamplingOptions GREEDY_WITHOUT_REPETITION = new SamplingOptions(0, 0, 1, 1.3, 0);

    private final Path folder =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");
    private LanguageModel model;
    private LanguageModel compressed;
    private Tokenizer tokenizer;
    private RowDecoder decoder;
    private RowDecoder guesser;

    @BeforeAll
    void open(@TempDir Path temporary) {
        model = LanguageModel.open(folder);
        tokenizer = model.tokenizer();
        CompressedForm.FACTORED.write(model, 0.8, temporary.resolve("draft"));
        compressed = LanguageModel.open(temporary.resolve("draft"));
        decoder = RowDecoder.of(model, 2);
        guesser = RowDecoder.of(compressed, 2);
    }

    @AfterAll
    void close() {
        guesser.close();
        decoder.close();
        compressed.close();
        tokenizer.close();
        model.close();
    }

    private int[] prompt() {
        return tokenizer.encodeWithSpecials("The city was founded in");
    }

    private Generation plain(SamplingOptions options) {
        return Generator.of(decoder, tokenizer).generate(new Generator.Request(prompt(), TOKENS, options));
    }

    private Generation helped(SpeculativeSource source, SamplingOptions options) {
        return Generator.of(source, tokenizer).generate(new Generator.Request(prompt(), TOKENS, options));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void withoutRandomnessTheTextIsTheModelsOwn(int guesses) {
        for (var options : new SamplingOptions[] {GREEDY, GREEDY_WITHOUT_REPETITION}) {
            try (var source = SpeculativeSource.fixed(
                    Verifier.of(decoder, decoder),
                    Draft.of(guesser, guesser),
                    options,
                    tokenizer.vocabularySize(),
                    guesses)) {
                var made = helped(source, options);
                assertThat(made.text()).isEqualTo(plain(options).text());
                assertThat(made.newTokens()).isEqualTo(plain(options).newTokens());
                var report = source.report();
                assertThat(report.accepted()).isPositive().isLessThan(report.proposed());
                assertThat(report.plainSteps()).isLessThan(2);
                assertThat(report.rounds() + report.accepted() + 1).isGreaterThanOrEqualTo(made.newTokens());
            }
        }
    }

    @Test
    void aDraftThatSkipsBlocksWorksOnTheModelsCache() {
        try (var draft = Draft.skipping(model, Set.of(2), 2);
                var source = SpeculativeSource.fixed(
                        Verifier.of(decoder, decoder), draft, GREEDY, tokenizer.vocabularySize(), 3)) {
            assertThat(helped(source, GREEDY).text()).isEqualTo(plain(GREEDY).text());
            assertThat(source.report().accepted()).isPositive();
        }
        assertThatThrownBy(() -> Draft.skipping(model, Set.of(99), 2)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Draft.skipping(model, Set.of(), 2)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theModelItselfAsDraftIsAlwaysRight() {
        var options = new SamplingOptions(0.9, 20, 0.9, 1.1, 11);
        try (var twin = RowDecoder.of(model, 2);
                var source = SpeculativeSource.fixed(
                        Verifier.of(decoder, decoder), Draft.of(twin, twin), options, tokenizer.vocabularySize(), 4)) {
            helped(source, options);
            assertThat(source.report().acceptance()).isEqualTo(1);
        }
    }

    @Test
    void theSameSeedGivesTheSameTextWithAFixedNumberOfGuesses() {
        var options = SamplingOptions.sampled(5);
        var texts = new String[2];
        for (var i = 0; i < 2; i++) {
            try (var source = SpeculativeSource.fixed(
                    Verifier.of(decoder, decoder),
                    Draft.of(guesser, guesser),
                    options,
                    tokenizer.vocabularySize(),
                    3)) {
                texts[i] = helped(source, options).text();
            }
        }
        assertThat(texts[0]).isEqualTo(texts[1]);
    }

    @Test
    void aDraftIsGivenUpWhereVerifyingCostsAsMuchAsSteps() {
        var clock = new AtomicLong();
        try (var source = new SpeculativeSource(
                new Timed(Verifier.of(decoder, decoder), clock),
                Draft.of(guesser, guesser),
                GREEDY,
                tokenizer.vocabularySize(),
                () -> Pace.measured(Pace.MOST),
                clock::get)) {
            assertThat(helped(source, GREEDY).text()).isEqualTo(plain(GREEDY).text());
            var report = source.report();
            assertThat(report.off()).isTrue();
            assertThat(report.gain()).isLessThanOrEqualTo(1);
            assertThat(report.proposed()).isEqualTo(16);
            assertThat(report.plainSteps()).isGreaterThan(20);
        }
    }

    /// A model whose tokens take a second each, however many are read at once.
    private record Timed(Verifier model, AtomicLong clock) implements Verifier {
        private static final long SECOND = 1_000_000_000L;

        @Override
        public DecoderSpec spec() {
            return model.spec();
        }

        @Override
        public float[] prefill(int[] tokens, KvCache cache) {
            return model.prefill(tokens, cache);
        }

        @Override
        public float[] step(int token, KvCache cache) {
            clock.addAndGet(SECOND);
            return model.step(token, cache);
        }

        @Override
        public float[][] verify(int[] tokens, KvCache cache) {
            clock.addAndGet(tokens.length * SECOND);
            return model.verify(tokens, cache);
        }
    }

    @Test
    void theContextEndsATextAsItDoesWithoutADraft() {
        var most = model.spec().maxPositions();
        var prompt = new int[most - 6];
        java.util.Arrays.fill(prompt, 40);
        var request = new Generator.Request(prompt, 50, GREEDY);
        var expected = Generator.of(decoder, tokenizer).generate(request);
        try (var source = SpeculativeSource.fixed(
                Verifier.of(decoder, decoder), Draft.of(guesser, guesser), GREEDY, tokenizer.vocabularySize(), 4)) {
            var made = Generator.of(source, tokenizer).generate(request);
            assertThat(made.stop()).isEqualTo(expected.stop());
            assertThat(made.newTokens()).isEqualTo(expected.newTokens());
            assertThat(made.text()).isEqualTo(expected.text());
        }
    }

    @Test
    void anotherTokenizerIsRefused() {
        Draft.requireSameTokens(tokenizer, tokenizer);
        var json = """
                {"added_tokens":[],"decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,
                 "use_regex":true},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}""";
        try (var other = Tokenizer.ofFiles(
                java.util.Map.of("tokenizer.json", json.getBytes(java.nio.charset.StandardCharsets.UTF_8)))) {
            assertThatThrownBy(() -> Draft.requireSameTokens(tokenizer, other))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("another tokenizer");
        }
    }
}
