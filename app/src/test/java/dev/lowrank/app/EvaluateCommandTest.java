package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluateCommandTest {
    private static final Path POCKET = Run.ROOT.resolve("models/pocket");
    private static final String CODE =
            POCKET.resolve("text/python-evaluation.jsonl").toString();
    private static final String PROSE =
            POCKET.resolve("text/wikitext-evaluation.txt").toString();

    @Test
    void thePocketModelHasThePerplexityOfItsCard() {
        var run = Run.of(
                "evaluate",
                POCKET.toString(),
                "--text",
                CODE,
                "--text",
                PROSE,
                "--window=512",
                "--max-windows=24",
                "--no-speed",
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        assertThat(document.path("model").asString()).isEqualTo(POCKET.toString());
        assertThat(document.path("parameters").asLong()).isEqualTo(5_475_584);
        assertThat(document.path("bytes").asLong()).isEqualTo(10_957_216);
        assertThat(document.has("speed")).isFalse();
        var code = document.path("perplexity").path(0);
        assertThat(code.path("text").asString()).isEqualTo(CODE);
        assertThat(code.path("window").asInt()).isEqualTo(512);
        assertThat(code.path("windows").asInt()).isEqualTo(24);
        assertThat(code.path("tokens").asLong()).isEqualTo(24 * 511);
        assertThat(code.path("value").asDouble()).isCloseTo(16.552, within(16.552 * 0.002));
        var prose = document.path("perplexity").path(1);
        assertThat(prose.path("text").asString()).isEqualTo(PROSE);
        assertThat(prose.path("value").asDouble()).isCloseTo(293.08, within(293.08 * 0.002));
    }

    @Test
    void speedAndMemoryAreMeasured() {
        var run = Run.of(
                "evaluate",
                "--text",
                CODE,
                "--window=32",
                "--max-windows=2",
                "--prompt-tokens=16",
                "--decode-tokens=4",
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        var speed = document.path("speed");
        assertThat(speed.path("prompt_tokens").asInt()).isEqualTo(16);
        assertThat(speed.path("decode_tokens").asInt()).isEqualTo(4);
        assertThat(speed.path("prefill_tokens_per_second").asDouble()).isPositive();
        assertThat(speed.path("decode_tokens_per_second").asDouble()).isPositive();
        assertThat(speed.path("time_to_first_token_seconds").asDouble()).isPositive();
        assertThat(document.path("peak_memory_bytes").asLong())
                .isGreaterThan(document.path("peak_heap_bytes").asLong())
                .isGreaterThan(10_957_216);
    }

    @Test
    void theSpreadOfHiddenStatesIsMeasuredWhereAskedFor() {
        var run = Run.of(
                "evaluate",
                "--text",
                CODE,
                "--window=64",
                "--max-windows=2",
                "--no-speed",
                "--representation",
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var figure = Documents.of(run).path("representation").path(0);
        assertThat(figure.path("windows").asInt()).isEqualTo(2);
        assertThat(figure.path("matrix_entropy").asDouble()).isBetween(0.3, 1.0);
        assertThat(figure.path("matrix_nuclear_norm").asDouble()).isPositive();
    }

    @Test
    void peopleGetOneTable() {
        var run = Run.of("evaluate", "--text", CODE, "--window=32", "--max-windows=1", "--no-speed");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("5,475,584").contains("1 windows of 32").contains("peak memory");
    }

    @Test
    void aTextShorterThanAWindowIsBadInput(@TempDir Path folder) throws IOException {
        var text = Files.writeString(folder.resolve("short.txt"), "def f(): pass\n");
        var run = Run.of("evaluate", "--text", text.toString(), "--json");
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.err()).contains("short.txt").contains("a window of 512 needs 512");
        assertThat(Documents.of(run).path("error").path("exit_code").asInt()).isEqualTo(4);
    }

    @Test
    void aMissingTextIsBadInput() {
        var run = Run.of("evaluate", "--text", "nowhere.txt");
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.err()).contains("nowhere.txt");
    }

    @Test
    void noTextIsAUsageError() {
        var run = Run.of("evaluate", "--json");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--text");
    }

    @Test
    void aWindowBeyondTheContextIsAUsageError() {
        var run = Run.of("evaluate", "--text", CODE, "--window=2048");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("2048").contains("context of 1024");
    }

    @Test
    void aWindowOfOneTokenIsAUsageError() {
        var run = Run.of("evaluate", "--text", CODE, "--window=1");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("predicts nothing");
    }

    @Test
    void aModelThatIsNotANumberIsANumericalFailure(@TempDir Path folder) throws IOException {
        for (var name : new String[] {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}) {
            Files.copy(POCKET.resolve(name), folder.resolve(name));
        }
        var weights = folder.resolve("model.safetensors");
        try (var channel = FileChannel.open(weights, StandardOpenOption.WRITE)) {
            // The last BF16 number of the file.
            channel.write(ByteBuffer.wrap(new byte[] {(byte) 0xc0, 0x7f}), channel.size() - 2);
        }
        var run = Run.of(
                "evaluate",
                folder.toString(),
                "--text",
                CODE,
                "--window=32",
                "--max-windows=1",
                "--no-speed",
                "--json");
        assertThat(run.code()).as(run.err()).isEqualTo(6);
        assertThat(Documents.of(run).path("error").path("exit_code").asInt()).isEqualTo(6);
    }
}
