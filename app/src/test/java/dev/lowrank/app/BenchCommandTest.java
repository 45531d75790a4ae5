package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class BenchCommandTest {
    private static final String POCKET = Run.ROOT.resolve("models/pocket").toString();
    private static final List<String> SMALL = List.of("--prompt-tokens=12", "--decode-tokens=3", "--rounds=1");

    @TempDir
    private Path folder;

    private static Run bench(String... more) {
        var arguments = new ArrayList<>(List.of("bench"));
        arguments.addAll(SMALL);
        arguments.addAll(List.of(more));
        return Run.of(arguments.toArray(String[]::new));
    }

    private static JsonNode document(Run run) {
        assertThat(run.code()).as(run.err()).isZero();
        return Documents.of(run);
    }

    @Test
    void aModelIsMeasured() {
        var document = document(bench("--threads=1", "--batch=1,3", "--json"));
        assertThat(document.path("threads").asInt()).isOne();
        assertThat(document.path("turns").asInt()).isOne();
        assertThat(document.path("machine").asString()).contains("cores");
        assertThat(document.path("energy").asString()).contains("RAPL");
        assertThat(document.path("models")).hasSize(1);
        var model = document.path("models").path(0);
        assertThat(model.path("model").asString()).isEqualTo(POCKET);
        assertThat(model.path("type").asString()).isEqualTo("BF16");
        assertThat(model.path("file_bytes").asLong()).isEqualTo(10_957_216);
        assertThat(model.path("prompt_tokens").asInt()).isEqualTo(12);
        assertThat(model.path("decode_tokens").asInt()).isEqualTo(3);
        for (var key : List.of(
                "prefill_tokens_per_second",
                "decode_tokens_per_second",
                "time_to_first_token_seconds",
                "read_bandwidth_bytes_per_second",
                "bandwidth_share",
                "resident_bytes")) {
            assertThat(model.path(key).asDouble()).as(key).isPositive();
        }
        assertThat(model.path("token_latency_seconds").propertyNames()).containsExactly("p50", "p90", "p99");
        assertThat(model.has("ratio_to_first")).isFalse();
        assertThat(model.path("batches")
                        .valueStream()
                        .map(batch -> batch.path("rows").asInt()))
                .containsExactly(1, 3);
    }

    @Test
    void bytesOfATokenAreThoseOfWeightsAndCacheAndTheirShareIsOfTheBandwidth() {
        var document = document(bench("--batch=1", "--json"));
        var model = document.path("models").path(0);
        var bytes = model.path("bytes_per_token").asLong();
        assertThat(bytes)
                .isEqualTo(model.path("weight_bytes_per_token").asLong()
                        + model.path("cache_bytes_per_token").asLong());
        // All linears and the tied head in BF16; norms are small.
        assertThat(model.path("weight_bytes_per_token").asLong()).isBetween(10_900_000L, 11_100_000L);
        assertThat(model.path("bandwidth_share").asDouble())
                .isCloseTo(
                        bytes
                                * model.path("decode_tokens_per_second").asDouble()
                                / model.path("read_bandwidth_bytes_per_second").asDouble(),
                        within(1e-9));
    }

    @Test
    void keysAndValuesInBf16TakeHalfTheBytes() {
        var single = document(bench("--batch=1", "--json"));
        var narrow = document(bench("--batch=1,2", "--cache-type=bf16", "--json"));
        assertThat(single.path("cache_type").asString()).isEqualTo("F32");
        assertThat(narrow.path("cache_type").asString()).isEqualTo("BF16");
        assertThat(2
                        * narrow.path("models")
                                .path(0)
                                .path("cache_bytes_per_token")
                                .asLong())
                .isEqualTo(single.path("models")
                        .path(0)
                        .path("cache_bytes_per_token")
                        .asLong());
        var wrong = bench("--cache-type=f16");
        assertThat(wrong.code()).isEqualTo(2);
        assertThat(wrong.err()).contains("f16 is none of the cache types", "bf16");
    }

    @Test
    void severalModelsAreComparedWithTheFirst() {
        var small = folder.resolve("small.gguf").toString();
        assertThat(Run.of("export", POCKET, "--gguf", small, "--type", "q8_0").code())
                .isZero();
        var models = document(bench(POCKET, small, "--batch=2", "--json")).path("models");
        assertThat(models).hasSize(2);
        var first = models.path(0);
        var second = models.path(1);
        assertThat(first.has("ratio_to_first")).isFalse();
        var ratio = second.path("ratio_to_first");
        for (var key : List.of("prefill", "decode")) {
            var name = key + "_tokens_per_second";
            assertThat(ratio.path(key).asDouble())
                    .isCloseTo(second.path(name).asDouble() / first.path(name).asDouble(), within(1e-9));
        }
        assertThat(ratio.path("bytes").asDouble())
                .isCloseTo(
                        first.path("bytes_per_token").asDouble()
                                / second.path("bytes_per_token").asDouble(),
                        within(1e-9));
        assertThat(ratio.path("bytes").asDouble())
                .as("8.5 bits a weight instead of 16")
                .isBetween(1.6, 2.0);
        assertThat(ratio.path("decode_of_bytes").asDouble())
                .isCloseTo(ratio.path("decode").asDouble() / ratio.path("bytes").asDouble(), within(1e-9));
    }

    @Test
    void theTextSaysWhatIsMeasuredAndWhatIsMissing() {
        var run = bench("--batch=1,2");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("prefill t/s", "reads GB/s", "p99 ms", "1 text", "2 texts")
                .contains("A prompt of 12 tokens, 3 decoded after it")
                .contains("with nothing computed")
                .contains("Energy: ")
                .doesNotContain("peer");
    }

    @Test
    void aPromptBeyondHalfTheContextIsCutAndTheReaderTold() {
        var run = Run.of("bench", "--prompt-tokens=600", "--decode-tokens=2", "--rounds=1", "--batch=1", "--json");
        var document = document(run);
        assertThat(document.path("prompt_tokens").asInt()).isEqualTo(600);
        assertThat(document.path("models").path(0).path("prompt_tokens").asInt())
                .isEqualTo(512);
        assertThat(document.path("notes").path(0).asString()).contains("context of 1024 tokens", "prompt of 512");
    }

    @Test
    void figuresAreWrittenAsCsvAndAsAPageThatFetchesNothing() throws IOException {
        var csv = folder.resolve("speed.csv");
        var html = folder.resolve("speed.html");
        var run = bench(POCKET, POCKET, "--batch=1,2", "--csv=" + csv, "--html=" + html);
        assertThat(run.code()).as(run.err()).isZero();
        var lines = Files.readAllLines(csv);
        assertThat(lines).hasSize(3);
        var header = List.of(lines.getFirst().split(",", -1));
        assertThat(header)
                .startsWith("model", "program")
                .contains("decode_tokens_per_second", "bytes_to_first")
                .endsWith("tokens_per_second_of_1", "tokens_per_second_of_2");
        assertThat(lines).allSatisfy(line -> assertThat(line.split(",", -1)).hasSameSizeAs(header));
        var second = lines.get(2).split(",", -1);
        assertThat(Double.parseDouble(second[header.indexOf("bytes_to_first")])).isOne();
        assertThat(lines.get(1).split(",", -1)[header.indexOf("bytes_to_first")])
                .isEmpty();
        var page = Files.readString(html);
        assertThat(page)
                .contains("default-src 'none'")
                .contains("\"kind\":\"bench\"")
                .contains("\"trade\":")
                .contains("lowrank bench --prompt-tokens=12")
                .doesNotContain("src=")
                .doesNotContain("@import")
                .doesNotContain("url(")
                .doesNotContain("https://");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --decode-tokens=0          | --decode-tokens must be at least 1, but is 0.
            --rounds=-1                | --rounds must be at least 1 and at most 1000, but is -1.
            --threads=0                | --threads must be at least 1 and at most 1024, but is 0.
            --batch=1,17               | --batch must be at least 1 and at most 16, but is 17.
            --batch=two                | two
            --peer=lama.cpp            | Did you mean llama.cpp?
            --peer=transformers=       | names nothing behind the equals sign
            --peer=llama.cpp=http://   | http://
            --prompt-tokens=99999999   | fewer than --prompt-tokens 99999999
            --csv=/nowhere/speed.csv   | /nowhere/speed.csv cannot be written
            --html=/nowhere/speed.html | /nowhere/speed.html cannot be written
            """)
    void wrongOptionsAreTheUsersError(String option, String message) {
        var run = Run.of("bench", option);
        assertThat(run.code()).as(run.err()).isEqualTo(ExitCode.USAGE.number());
        assertThat(run.err()).contains(message);
        assertThat(run.out()).isEmpty();
    }

    @Test
    void brokenInputsAreNamedBeforeAnythingIsMeasured() throws IOException {
        var broken =
                Files.writeString(folder.resolve("broken.gguf"), "no model").toString();
        for (var arguments : List.of(
                List.of(POCKET, broken),
                List.of(POCKET, "absent"),
                List.of("--text=" + folder.resolve("absent.txt")))) {
            var run = bench(arguments.toArray(String[]::new));
            assertThat(run.code()).as(arguments.toString()).isEqualTo(ExitCode.INPUT.number());
            assertThat(run.err()).contains("error: ").doesNotContain("1 in ");
            assertThat(run.out()).isEmpty();
        }
    }
}
