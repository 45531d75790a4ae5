package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    @CsvSource({
        "modegpt, narrowed, influence",
        "basis-sharing, factored, uniform",
        "shortgpt, removed, shortgpt",
        "slicegpt, narrowed, slicegpt"
    })
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
    void aBoundOnPerplexityIsMetOnTheValidationText(@TempDir Path folder) {
        var document = json(Run.of(
                "compress",
                "--method=lowrank",
                "--max-perplexity-increase=20%",
                "--calibration=" + TEXT.resolve("python-calibration.jsonl"),
                "--validation=" + TEXT.resolve("python-evaluation.jsonl"),
                "--validation-windows=4",
                "--samples=4",
                "--window=64",
                "--output=" + folder.resolve("out"),
                "--json"));
        assertThat(document.path("method").asString()).isEqualTo("lowrank");
        assertThat(document.path("allocator").asString()).isEqualTo("knapsack");
        assertThat(document.path("kept_target").asDouble()).isBetween(0.05, 0.99);
        var validated = document.path("validated");
        assertThat(validated.path("allowed").asDouble()).isCloseTo(0.2, within(1e-9));
        assertThat(validated.path("increase").asDouble()).isLessThanOrEqualTo(0.2);
        assertThat(validated.path("after").asDouble() / validated.path("before").asDouble() - 1)
                .isCloseTo(validated.path("increase").asDouble(), within(1e-9));
        assertThat(validated.path("rounds").size())
                .isEqualTo(document.path("allocation").size());
    }

    @ParameterizedTest
    @CsvSource({"400%, 0, true", "5%, 7, false"})
    void aBoundOnPerplexityIsAGateOnATextOfItsOwn(String bound, int code, boolean within, @TempDir Path folder)
            throws Exception {
        var prose = Files.readString(TEXT.resolve("wikitext-evaluation.txt")).substring(0, 4000);
        var check = Files.writeString(folder.resolve("prose.txt"), prose);
        // Code alone steers the cut, so prose loses more than the bound unless that is wide.
        var run = Run.of(
                "compress",
                "--method=svd-llm",
                "--input-shrinkage=none",
                "--calibration=" + TEXT.resolve("python-calibration.jsonl"),
                "--samples=8",
                "--allocate=uniform",
                "--max-perplexity-increase=" + bound,
                "--validation=" + TEXT.resolve("python-evaluation.jsonl"),
                "--validation-windows=1",
                "--check=" + check,
                "--window=64",
                "--protect=1,2,3,4,5",
                "--output=" + folder.resolve("out"),
                "--json");
        assertThat(run.code()).as(run.err()).isEqualTo(code);
        var document = JsonMapper.builder().build().readTree(run.out());
        assertThat(document.path("check").path("within").asBoolean()).isEqualTo(within);
        assertThat(run.err().contains("Quality gate missed")).isEqualTo(!within);
        assertThat(document.path("allocation").get(0).asString()).contains("as written");
    }

    @Test
    void theCardsCommandAsksForTheRecipeAgain(@TempDir Path folder) throws Exception {
        var out = folder.resolve("out");
        var run = Run.of(
                "compress",
                "--calibration=" + TEXT.resolve("python-calibration.jsonl"),
                "--samples=4",
                "--window=64",
                "--keep=0.7",
                "--count=bytes",
                "--update-alpha=0.4",
                "--shrinkage=0.25",
                "--rank-multiple=4",
                "--targets=q,down",
                "--protect=3,1",
                "--seed=9",
                "-o",
                out.toString(),
                "--json");
        assertThat(json(run).path("method").asString()).isEqualTo("lowrank");
        var command = Files.readAllLines(out.resolve("README.md")).stream()
                .filter(line -> line.startsWith("lowrank compress "))
                .findFirst()
                .orElseThrow();
        assertThat(command)
                .contains("--method lowrank ", "--update sequential", "--calibration python-calibration.jsonl")
                .contains("--samples 4 ", "--window 64 ");
        var options =
                List.of(command.substring("lowrank compress pocket ".length()).split(" "));
        var recipe = options.subList(0, options.indexOf("--calibration"));
        assertThat(ParsedRecipe.of(recipe))
                .isEqualTo(ParsedRecipe.of(
                        "--keep=0.7",
                        "--count=bytes",
                        "--update-alpha=0.4",
                        "--shrinkage=0.25",
                        "--rank-multiple=4",
                        "--targets=q,down",
                        "--protect=3,1",
                        "--seed=9"));
    }

    @Test
    void aBudgetInBytesIsForTheWholeModel(@TempDir Path folder) {
        var out = folder.resolve("out").toString();
        var done = json(Run.of("compress", "--method=svd", "--allocate=uniform", "--budget=8MB", "-o", out, "--json"));
        assertThat(done.path("bytes_after").asLong()).isBetween(7_900_000L, 8_000_000L);
        var tight = Run.of("plan", "--budget=1MB");
        assertThat(tight.code()).isEqualTo(2);
        assertThat(tight.err()).contains("1000000 bytes leaves nothing");
    }

    @Test
    void aTextThatSteersIsNoCheck(@TempDir Path folder) {
        var text = TEXT.resolve("python-calibration.jsonl");
        var run = Run.of(
                "compress",
                "--calibration=" + text,
                "--check=" + text,
                "-o",
                folder.resolve("out").toString());
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("is given as --calibration and as --check");
        assertThat(folder).isEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource({"0%, above 0", "-5%, above 0", "abc, a share such as 1%", "5, write 5%", "Infinity, write"})
    void aBoundThatIsNoShareIsAUsageError(String bound, String words, @TempDir Path folder) {
        var run = Run.of("compress", "--max-perplexity-increase=" + bound, "--output=" + folder.resolve("out"));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains(words);
        assertThat(folder).isEmptyDirectory();
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
