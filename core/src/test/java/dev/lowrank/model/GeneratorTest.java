package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.model.DecoderSpec.Activation;
import dev.lowrank.model.DecoderSpec.Norm;
import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.model.Generation.Stop;
import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Over a decoder without blocks whose head is a table of which byte follows which: it spells one text.
class GeneratorTest {
    private static final String TEXT = "añ€😀z";
    private static final int END = 256;
    private static final int VOCABULARY = 257;
    private static final SamplingOptions GREEDY = SamplingOptions.greedy();

    private final Tokenizer tokenizer = tokenizer();
    private final RowDecoder decoder = decoder(100);
    private final int[] prompt = {'a'};

    @AfterEach
    void close() {
        decoder.close();
        tokenizer.close();
    }

    @Test
    void textComesInWholeCodePointsUntilTheEnd() {
        var pieces = new ArrayList<String>();
        var request = new Generator.Request(prompt, 50, GREEDY, _ -> false, pieces::add);
        var result = Generator.of(decoder, tokenizer).generate(request);
        assertThat(pieces).containsExactly("ñ", "€", "😀", "z");
        assertThat(result.text()).isEqualTo("ñ€😀z");
        assertThat(result.stop()).isEqualTo(Stop.END_OF_TEXT);
        assertThat(result.promptTokens()).isEqualTo(1);
        assertThat(result.newTokens()).isEqualTo(11);
        assertThat(result.secondsToFirstToken()).isPositive();
        assertThat(result.decodeTokensPerSecond()).isPositive();
    }

    @Test
    void aLimitEndsInsideACodePointWithAReplacement() {
        var result = Generator.of(decoder, tokenizer).generate(new Generator.Request(prompt, 4, GREEDY));
        assertThat(result.stop()).isEqualTo(Stop.MAX_TOKENS);
        assertThat(result.newTokens()).isEqualTo(4);
        assertThat(result.text()).startsWith("ñ").endsWith("\uFFFD").doesNotContain("€");
    }

    @Test
    void oneTokenHasNoDecodeSpeed() {
        var result = Generator.of(decoder, tokenizer).generate(new Generator.Request(prompt, 1, GREEDY));
        assertThat(result.newTokens()).isOne();
        assertThat(result.decodeTokensPerSecond()).isZero();
    }

    @Test
    void theCallerMayStopAfterAnyToken() {
        var request = new Generator.Request(prompt, 50, GREEDY, token -> token == 0xAC, _ -> {});
        var result = Generator.of(decoder, tokenizer).generate(request);
        assertThat(result.stop()).isEqualTo(Stop.CALLER);
        assertThat(result.text()).isEqualTo("ñ€");
    }

    @Test
    void theContextEndsAText() {
        try (var small = decoder(5)) {
            var generator = Generator.of(small, tokenizer);
            var result = generator.generate(new Generator.Request(prompt, 50, GREEDY));
            assertThat(result.stop()).isEqualTo(Stop.CONTEXT);
            assertThat(result.newTokens()).isEqualTo(5);
            assertThatThrownBy(() -> generator.generate(new Generator.Request(new int[5], 1, GREEDY)))
                    .hasMessageContaining("5 tokens")
                    .hasMessageContaining("context 5");
        }
    }

    @Test
    void anotherEngineMayReadThePrompt() {
        var seen = new ArrayList<int[]>();
        Prefill engine = (tokens, cache) -> {
            seen.add(tokens);
            cache.advanceTo(tokens.length);
            var logits = new float[VOCABULARY];
            logits['z'] = 1;
            return logits;
        };
        var result = Generator.of(decoder, engine, tokenizer)
                .generate(new Generator.Request(new int[] {1, 2, 3}, 50, GREEDY));
        assertThat(seen).containsExactly(new int[] {1, 2, 3});
        assertThat(result.text()).isEqualTo("z");
        assertThat(result.promptTokens()).isEqualTo(3);
    }

    @Test
    void oneSeedMakesTheSameTextAgain() {
        var generator = Generator.of(decoder, tokenizer);
        var hot = new SamplingOptions(20, 0, 1, 1, 5);
        var first = generator.generate(new Generator.Request(prompt, 60, hot));
        var again = generator.generate(new Generator.Request(prompt, 60, hot));
        assertThat(again.text()).isEqualTo(first.text()).isNotEqualTo("ñ€😀z");
    }

    @Test
    void theRepetitionPenaltySeesThePrompt() {
        // The logit of what follows 'a' is 16. A penalty below 1 is a bonus for repeating; this one lifts 16 beyond
        // the largest float if, and only if, the token counts as seen.
        var bonus = new SamplingOptions(0, 0, 1, 1e-38, 1);
        var generator = Generator.of(decoder, tokenizer);
        assertThat(generator.generate(new Generator.Request(prompt, 1, bonus)).newTokens())
                .isOne();
        var repeated = new Generator.Request(new int[] {0xC3, 'a'}, 1, bonus);
        assertThatThrownBy(() -> generator.generate(repeated)).hasMessageContaining("logit 195 is Infinity");
    }

    @Test
    void anEmptyRequestIsRefused() {
        assertThatThrownBy(() -> new Generator.Request(new int[0], 1, GREEDY)).hasMessageContaining("no tokens");
        assertThatThrownBy(() -> new Generator.Request(prompt, 0, GREEDY)).hasMessageContaining("not 0");
    }

    private static RowDecoder decoder(int context) {
        var spec = new DecoderSpec(
                "llama",
                VOCABULARY,
                VOCABULARY,
                1,
                1,
                2,
                context,
                new Norm(Norm.Kind.RMS, 1e-5),
                DecoderSpec.Residual.NORM_FIRST,
                new Positions.Rotary(new Rope(new double[] {1}, 1)),
                Activation.SILU,
                QkvOrder.CONCATENATED,
                "embed",
                new DecoderSpec.Purpose.Decoder("norm", "head"),
                List.of());
        return RowDecoder.of(spec, new Successors(), Kernels.best(), 2);
    }

    private record Successors() implements RowDecoder.Weights {
        @Override
        public HostTensor read(String name) {
            var values = new float[VOCABULARY * VOCABULARY];
            var bytes = TEXT.getBytes(StandardCharsets.UTF_8);
            switch (name) {
                case "embed.weight" -> {
                    for (var i = 0; i < VOCABULARY; i++) {
                        values[i * VOCABULARY + i] = 1;
                    }
                }
                case "head.weight" -> {
                    for (var i = 0; i < bytes.length; i++) {
                        var next = i + 1 < bytes.length ? bytes[i + 1] & 0xFF : END;
                        values[next * VOCABULARY + (bytes[i] & 0xFF)] = 1;
                    }
                }
                default -> {
                    var ones = new float[VOCABULARY];
                    Arrays.fill(ones, 1);
                    return HostTensor.ofFloats(ones, VOCABULARY);
                }
            }
            return HostTensor.ofFloats(values, VOCABULARY, VOCABULARY);
        }

        @Override
        public Linear linear(LinearSite site) {
            throw new AssertionError("This decoder has no blocks");
        }
    }

    /// Byte-level: the id of a byte is the byte, 256 ends a text.
    private static Tokenizer tokenizer() {
        var vocabulary = new StringBuilder();
        var shifted = 256;
        for (var b = 0; b < 256; b++) {
            var printable = b > 32 && b < 127 || b > 160 && b != 173;
            var symbol = printable ? b : shifted++;
            vocabulary.append(b == 0 ? "" : ",").append(String.format("\"\\u%04x\":%d", symbol, b));
        }
        var json = """
                {"version":"1.0","truncation":null,"padding":null,"normalizer":null,"post_processor":null,
                 "added_tokens":[{"id":256,"content":"<|end|>","single_word":false,"lstrip":false,"rstrip":false,
                                  "normalized":false,"special":true}],
                 "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
                 "decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
                 "model":{"type":"BPE","vocab":{%s},"merges":[]}}
                """.formatted(vocabulary);
        return Tokenizer.ofFiles(Map.of(
                "tokenizer.json",
                json.getBytes(StandardCharsets.UTF_8),
                "config.json",
                "{\"eos_token_id\":256}".getBytes(StandardCharsets.UTF_8)));
    }
}
