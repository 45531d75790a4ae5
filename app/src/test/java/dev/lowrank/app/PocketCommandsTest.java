package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Commands on the real pocket model.
class PocketCommandsTest {
    private static final Path TEXT = Run.ROOT.resolve("models/pocket/text");
    private static final String CODE = TEXT.resolve("python-evaluation.jsonl").toString();

    @Test
    void inspectCountsThePocketModel() {
        var json = json(Run.of("inspect", "--json"));
        assertThat(json.path("architecture").asString()).isEqualTo("llama");
        assertThat(json.path("parameters").asLong()).isEqualTo(5_475_584);
        var linears = 0L;
        for (var role : json.path("roles")) {
            linears += role.path("stored").path("parameters").asLong();
        }
        assertThat(linears).isEqualTo(4_423_680);
        assertThat(linears + json.path("other").path("parameters").asLong()).isEqualTo(5_475_584);
    }

    @Test
    void planKeepsWithinTheBudget() {
        var json = json(Run.of("plan", "--keep", "0.6", "--json"));
        assertThat(json.path("kept_target").asDouble()).isBetween(0.57, 0.6);
        assertThat(json.path("sites").size()).isEqualTo(42);
        assertThat(json.path("bytes_after").asLong())
                .isLessThan(json.path("bytes_before").asLong());
    }

    @Test
    void aCompressedModelIsVerifiedExportedAndCompared(@TempDir Path folder) throws Exception {
        var out = folder.resolve("out").toString();
        var compressed = json(Run.of("compress", "--method", "svd", "--keep", "0.7", "-o", out, "--json"));
        assertThat(compressed.propertyNames())
                .contains("output", "method", "storage", "keep", "kept_target", "kept_model", "parameters_before")
                .contains("parameters_after", "bytes_before", "bytes_after", "seconds", "peak_memory_bytes")
                .contains("sites", "warnings");
        assertThat(Run.of("verify", out).code()).isZero();

        var merged = folder.resolve("merged").toString();
        assertThat(Run.of("export", out, "--merged", "-o", merged).code()).isZero();
        var compared =
                json(Run.of("compare", out, merged, "--text", CODE, "--max-windows", "2", "--no-speed", "--json"));
        var factored = value(compared.path("rows").get(0));
        assertThat(value(compared.path("rows").get(1))).isCloseTo(factored, within(0.02 * factored));

        assertThat(Run.of("compress", "--method", "svd", "-o", out).code()).isEqualTo(2);

        var file = folder.resolve("out/model.safetensors");
        var bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
        var broken = Run.of("verify", out);
        assertThat(broken.code()).isEqualTo(4);
        assertThat(broken.out()).contains("model.safetensors").contains("CHANGED");
    }

    @ParameterizedTest
    @CsvSource({"modegpt, narrowed, influence", "basis-sharing, factored, uniform", "shortgpt, removed, shortgpt"})
    void methodsOfBlocksGoThroughEveryCommand(String method, String form, String spender, @TempDir Path folder) {
        var out = folder.resolve("out").toString();
        var plan = json(Run.of("plan", "--method", method, "--keep", "0.8", "--json"));
        assertThat(plan.path("kept_target").asDouble()).isBetween(0.6, 0.8);
        assertThat(Run.of("plan", "--method", method, "--keep", "0.8").out()).contains(form);
        var text = TEXT.resolve("python-calibration.jsonl").toString();
        var done = json(Run.of(
                "compress",
                "--method",
                method,
                "--keep=0.8",
                "--calibration",
                text,
                "--samples=4",
                "--window=64",
                "-o",
                out,
                "--json"));
        assertThat(done.path("allocator").asString()).isEqualTo(spender);
        assertThat(done.path("sites").size()).isEqualTo(42);
        assertThat(done.path("sites")
                        .valueStream()
                        .map(site -> site.path("form").asString()))
                .contains(form);
        assertThat(Run.of("verify", out).code()).isZero();
        assertThat(Run.of("inspect", out).code()).isZero();
        var seen = json(Run.of("inspect", out, "--json"));
        assertThat(seen.path("parameters").asLong())
                .isEqualTo(done.path("parameters_after").asLong());
        assertThat(Run.of("generate", out, "--prompt", "def f(", "--max-tokens", "4")
                        .code())
                .isZero();
    }

    @Test
    void aMethodThatCalibratesAsksForAText(@TempDir Path folder) {
        var run = Run.of(
                "compress", "--method", "svd-llm", "-o", folder.resolve("out").toString());
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--calibration");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aBoundOnPerplexityIsMetOnTheValidationTextAndCheckedOnAnother(@TempDir Path folder) {
        var texts = Run.ROOT.resolve("models/pocket/text");
        var document = json(Run.of(
                "compress",
                "--method=lowrank",
                "--max-perplexity-increase=20%",
                "--calibration=" + texts.resolve("python-calibration.jsonl"),
                "--validation=" + texts.resolve("python-evaluation.jsonl"),
                "--validation-windows=4",
                "--check=" + texts.resolve("wikitext-evaluation.txt"),
                "--samples=4",
                "--window=64",
                "--output=" + folder.resolve("out"),
                "--json"));
        assertThat(document.path("method").asString()).isEqualTo("kfac-svd");
        assertThat(document.path("allocator").asString()).isEqualTo("knapsack");
        assertThat(document.path("kept_target").asDouble()).isBetween(0.05, 0.99);
        assertThat(document.path("allocation").get(0).asString()).contains("allowed +20.00 %");
        assertThat(document.path("check").path("after").asDouble())
                .isGreaterThan(document.path("check").path("before").asDouble());
    }

    @Test
    void aBoundWithoutValidationTextIsAUsageError(@TempDir Path folder) {
        var run = Run.of(
                "compress",
                "--max-perplexity-increase=1%",
                "--calibration=" + Run.ROOT.resolve("models/pocket/text/python-calibration.jsonl"),
                "--output=" + folder.resolve("out"));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--validation");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aBiasThatIsGainedCountsInThePlan() {
        var plain = json(Run.of("plan", "--method=svd-llm", "--keep=0.5", "--json"));
        var centred = json(Run.of("plan", "--method=svd-llm", "--centred", "--keep=0.5", "--json"));
        assertThat(centred.path("kept_target").asDouble()).isBetween(0.48, 0.5);
        for (var i = 0; i < 42; i++) {
            assertThat(centred.path("sites").path(i).path("rank").asInt())
                    .isLessThanOrEqualTo(
                            plain.path("sites").path(i).path("rank").asInt());
        }
        var lord = json(Run.of("plan", "--method=lord", "--keep=0.5", "--json"));
        assertThat(lord.path("sites")).isEqualTo(centred.path("sites"));
    }

    @Test
    void shrinkageAndCentringOutOfRangeAreUsageErrors() {
        for (var bad : new String[] {"1", "-0.1", "much"}) {
            var run = Run.of("plan", "--method=svd-llm", "--input-shrinkage=" + bad);
            assertThat(run.code()).isEqualTo(2);
            assertThat(run.err()).contains("--input-shrinkage");
        }
        assertThat(Run.of("plan", "--method=svd-llm", "--input-shrinkage=auto").code())
                .isZero();
        assertThat(Run.of("plan", "--method=lord", "--centred", "--uncentred").code())
                .isEqualTo(2);
        assertThat(Run.of("plan", "--method=lowrank", "--centred").err()).contains("without --centred");
    }

    @Test
    void aTextShorterThanAWindowIsBadInput(@TempDir Path folder) throws Exception {
        var text = Files.writeString(folder.resolve("short.txt"), "too short").toString();
        var run = Run.of(
                "compress", "--calibration", text, "-o", folder.resolve("out").toString());
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.err()).contains("short.txt");
    }

    private static double value(JsonNode measurement) {
        return measurement.path("perplexity").get(0).path("value").asDouble();
    }

    private static JsonNode json(Run run) {
        assertThat(run.code()).as(run.err()).isZero();
        return JsonMapper.builder().build().readTree(run.out());
    }
}
