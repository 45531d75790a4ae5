package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.LanguageModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class CompareCommandTest {
    private static final Path TEXTS = Run.ROOT.resolve("models/pocket/text");

    /// Compares on one block of the pocket model, with as little text as there can be.
    private static Run compare(String... more) {
        var arguments = new ArrayList<>(List.of(
                "compare",
                "--text",
                TEXTS.resolve("python-evaluation.jsonl").toString(),
                "--text",
                TEXTS.resolve("wikitext-evaluation.txt").toString(),
                "--max-windows=1",
                "--samples=4",
                "--window=64",
                "--no-speed",
                "--protect=1,2,3,4,5"));
        arguments.addAll(List.of(more));
        return Run.of(arguments.toArray(String[]::new));
    }

    private static String calibration() {
        return "--calibration=" + TEXTS.resolve("python-calibration.jsonl");
    }

    @Test
    void methodsThatLeaveNoChoiceOfStorageAreOneRowEach() {
        var run = compare(
                calibration(),
                "--methods=svd,modegpt,shortgpt",
                "--storage=factored,pivoted",
                "--allocate=uniform,energy",
                "--keep=0.8",
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var rows = Documents.of(run).path("rows");
        assertThat(rows.valueStream()
                        .map(row -> row.path("method").asString() + " "
                                + row.path("storage").asString() + " "
                                + row.path("allocator").asString()))
                .containsExactly(
                        "dense - -",
                        "svd factored uniform",
                        "svd factored energy",
                        "svd pivoted uniform",
                        "svd pivoted energy",
                        "modegpt dense influence",
                        "shortgpt dense shortgpt");
    }

    @Test
    void everyCombinationIsARowBehindTheOriginal(@TempDir Path folder) throws IOException {
        var csv = folder.resolve("table.csv");
        var out = folder.resolve("best");
        var run = compare(
                calibration(),
                "--methods=svd,svd-llm",
                "--storage=factored,pivoted",
                "--keep=0.9,0.3",
                "--csv",
                csv.toString(),
                "-o",
                out.toString(),
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        var rows = document.path("rows");
        assertThat(rows.size()).isEqualTo(9);
        assertThat(rows.path(0).path("method").asString()).isEqualTo("dense");
        var best = rows.path(document.path("best").asInt());
        for (var i = 1; i < rows.size(); i++) {
            var row = rows.path(i);
            assertThat(row.path("perplexity").size()).isEqualTo(2);
            assertThat(row.path("kept_target").asDouble())
                    .isLessThanOrEqualTo(row.path("keep").asDouble());
            assertThat(row.path("bytes").asLong())
                    .isLessThan(rows.path(0).path("bytes").asLong());
            assertThat(best.path("perplexity").path(0).path("value").asDouble())
                    .isLessThanOrEqualTo(
                            row.path("perplexity").path(0).path("value").asDouble());
            assertThat(row.path("seconds").asDouble()).isPositive();
        }
        assertThat(Files.readAllLines(csv))
                .hasSize(10)
                .first()
                .asString()
                .startsWith("method,storage,allocator,update,keep,");
        try (var kept = LanguageModel.open(out)) {
            assertThat(kept.weights().parameters())
                    .isEqualTo(best.path("parameters").asLong());
        }
        assertThat(Run.of("verify", out.toString()).code()).isZero();
        try (var left = Files.list(folder)) {
            assertThat(left).containsExactlyInAnyOrder(csv, out);
        }
    }

    @Test
    void peopleGetOneTableAndTheRule() {
        var run = compare("--methods=svd", "--storage=pivoted", "--keep=0.5");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("dense", "before", "svd", "pivoted", "best", "lowest perplexity on");
    }

    @Test
    void aCalibratedMethodWithoutTextIsAUsageError() {
        var run = compare("--methods=svd,lord", "--json");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("lord needs a calibration text").contains("--calibration");
        assertThat(Documents.of(run).path("error").path("exit_code").asInt()).isEqualTo(2);
    }

    @Test
    void theOwnMethodKeepsItsNameBesideItsMetric() {
        var run = compare(
                calibration(),
                "--methods=lowrank,kfac-svd",
                "--allocate=knapsack",
                "--targets=q,k",
                "--count=bytes",
                "--keep=0.8",
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        assertThat(document.path("count").asString()).isEqualTo("bytes");
        assertThat(document.path("rows")
                        .valueStream()
                        .map(row -> row.path("method").asString() + " "
                                + row.path("update").asString()))
                .containsExactly("dense -", "lowrank sequential", "kfac-svd none");
    }

    @Test
    void theDefaultMethodsIncludeTheOwn() {
        assertThat(compare("--help").out()).contains("(lowrank,svd,asvd,svd-llm,lord)", "decode-bytes (parameters)");
    }

    @Test
    void anAllocatorThatMeasuresCandidatesAsksForAValidationText() {
        var run = compare(calibration(), "--methods=svd", "--allocate=bolaco");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--validation").doesNotContain("dense, ");
    }

    @Test
    void aTextHasOneRole() {
        var run = compare("--calibration=" + TEXTS.resolve("python-evaluation.jsonl"), "--methods=svd-llm");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("python-evaluation.jsonl is given as --calibration and as --text");
    }

    @Test
    void aTableThatCouldNotBeWrittenIsRefusedBeforeAnyWork(@TempDir Path folder) {
        var run = compare(
                "--methods=svd", "--csv", folder.resolve("missing/table.csv").toString());
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("its folder does not exist").doesNotContain("perplexity");
    }

    @Test
    void severalModelsAreMeasuredAsTheyAre() {
        var pocket = Run.ROOT.resolve("models/pocket").toString();
        var run = compare(pocket, pocket, "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var rows = Documents.of(run).path("rows");
        assertThat(rows.size()).isEqualTo(2);
        assertThat(rows.path(1).path("method").asString()).isEqualTo(pocket);
        assertThat(rows.path(1).path("kept_model").asDouble()).isEqualTo(1);
        assertThat(rows.path(1).path("perplexity")).isEqualTo(rows.path(0).path("perplexity"));
    }

    @Test
    void onlyTheResultsOfOneModelCanBeKept() {
        var pocket = Run.ROOT.resolve("models/pocket").toString();
        var run = compare(pocket, pocket, "-o", "nowhere");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--output keeps the best");
    }

    @Test
    void oneSizeIsSpentInEveryWay(@TempDir Path folder) throws IOException {
        var page = folder.resolve("page.html");
        var run = compare(
                calibration(),
                "--methods=lowrank",
                "--budget-bytes=9.92MB",
                "--bits=auto",
                "--report=" + page,
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        assertThat(document.path("budget_bytes").asLong()).isEqualTo(9_920_000);
        var rows = document.path("rows").valueStream().toList();
        assertThat(rows.stream().map(row -> row.path("storage").asString()))
                .containsExactly(
                        "-",
                        "auto q8_0",
                        "auto q6_k",
                        "auto q4_k",
                        "auto q4_0",
                        "auto",
                        "auto q8_0",
                        "auto q6_k",
                        "auto q4_k",
                        "auto q4_0",
                        "auto bits:auto");
        for (var row : rows) {
            var bytes = row.path("bytes").asLong();
            assertThat(row.path("fits").asBoolean()).isEqualTo(bytes <= 9_920_000);
            var beaten = rows.stream()
                    .anyMatch(other -> other.path("bytes").asLong() <= bytes
                            && perplexity(other) <= perplexity(row)
                            && (other.path("bytes").asLong() < bytes || perplexity(other) < perplexity(row)));
            assertThat(row.path("front").asBoolean()).isEqualTo(!beaten);
        }
        assertThat(rows.subList(5, 11)).allMatch(row -> row.path("fits").asBoolean());
        assertThat(rows.get(1).path("fits").asBoolean()).isFalse();
        var best = rows.get(document.path("best").asInt());
        assertThat(best.path("fits").asBoolean()).isTrue();
        assertThat(Files.readString(page)).contains("fits 9.9 MB", "bits:auto");
    }

    private static double perplexity(JsonNode row) {
        return row.path("perplexity").path(0).path("value").asDouble();
    }

    @Test
    void aSizeThatIsNoneOrTooSmallIsRefused() {
        assertThat(compare("--methods=svd", "--budget-bytes=lots").err())
                .contains("--budget-bytes is a number of bytes such as 300MB");
        assertThat(compare("--methods=svd", "--budget-bytes=0").code()).isEqualTo(2);
        var small = compare("--methods=svd", "--budget-bytes=3MB");
        assertThat(small.code()).isEqualTo(2);
        assertThat(small.err()).contains("3000000 bytes leaves nothing").doesNotContain("perplexity");
        for (var other : List.of("--keep=0.5", "--quantize=q4_0", "--methods=slicegpt")) {
            var run = compare("--methods=lowrank", "--budget-bytes=9.9MB", calibration(), other);
            assertThat(run.code()).as(other).isEqualTo(2);
            assertThat(run.err()).contains("--budget-bytes says how many bytes");
        }
    }

    @Test
    void unknownNamesOfferTheNearest() {
        assertThat(compare("--methods=svd,svdllm").err()).contains("Did you mean svd-llm?");
        var storage = compare("--methods=svd", "--storage=factord");
        assertThat(storage.code()).isEqualTo(2);
        assertThat(storage.err()).contains("Did you mean factored?");
    }

    @Test
    void aShareOutOfRangeIsAUsageError() {
        assertThat(compare("--methods=svd", "--keep=0.5,1.5").code()).isEqualTo(2);
    }

    @Test
    void anOutputThatExistsIsAUsageErrorBeforeAnyWork(@TempDir Path folder) throws IOException {
        var run = compare("--methods=svd", "-o", folder.toString());
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("exists already").doesNotContain("perplexity");
        try (var left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void aFailureLeavesNothingBehind(@TempDir Path folder) throws IOException {
        var tooShort = Files.writeString(folder.resolve("short.txt"), "x = 1\n");
        var run = compare(
                "--methods=svd",
                "--text",
                tooShort.toString(),
                "-o",
                folder.resolve("out").toString());
        assertThat(run.code()).isEqualTo(4);
        try (var left = Files.list(folder)) {
            assertThat(left).containsExactly(tooShort);
        }
    }
}
