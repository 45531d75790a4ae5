package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExploreCommandTest {
    private static final Path TEXTS = Run.ROOT.resolve("models/pocket/text");
    private static final String TEXT = "--text=" + TEXTS.resolve("python-evaluation.jsonl");
    private static final String CALIBRATION = "--calibration=" + TEXTS.resolve("python-calibration.jsonl");

    /// Explores one block of the pocket model, with as little text as there can be.
    private static Run explore(String... more) {
        var arguments = new ArrayList<>(List.of(
                "explore", "--max-windows=1", "--samples=4", "--window=64", "--protect=1,2,3,4,5", "--no-speed"));
        arguments.addAll(List.of(more));
        return Run.of(arguments.toArray(String[]::new));
    }

    @Test
    void withoutAnythingToMeasureTheSpaceIsCounted() {
        var run = Run.of("explore", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var space = Documents.of(run).path("space");
        assertThat(space.path("order_at_one_rank").asString()).isEqualTo("2^13");
        assertThat(space.path("size_at_one_rank").asString()).isEqualTo("8192");
        assertThat(space.path("models_at_one_rank").asString()).isEqualTo("8002");
        assertThat(space.path("size").asString())
                .isEqualTo(Long.toString(8192L * space.path("ranks").asInt()));
    }

    @Test
    void aRunThatWasCutOffEndsInTheSameDocumentAndMeasuresNothingTwice(@TempDir Path folder) throws IOException {
        var out = folder.resolve("out");
        var arguments = new String[] {
            "--sweep=rank,layer,tensor",
            "--sweep-ranks=1,16,64",
            "--search=nsga2",
            "--evaluations=30",
            "--front=2",
            "--check-text=" + TEXTS.resolve("wikitext-evaluation.txt"),
            "--check-windows=1",
            "--seed=4",
            TEXT,
            CALIBRATION,
            "-o",
            out.toString()
        };
        var run = explore(arguments);
        assertThat(run.code()).as(run.err()).isZero();
        var results = out.resolve("results.jsonl");
        var lines = Files.readAllLines(results);
        var document = Files.readAllBytes(out.resolve("explore.json"));
        // As a kill leaves it: some lines, the last one torn.
        Files.writeString(
                results,
                String.join("\n", lines.subList(0, 20)) + "\n" + lines.get(20).substring(0, 30));
        Files.delete(out.resolve("explore.json"));
        var again = explore(arguments);
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.err()).contains("torn");
        assertThat(again.out()).contains("Measured " + (lines.size() - 20) + ", 20 were known before");
        assertThat(Files.readAllLines(results)).isEqualTo(lines);
        assertThat(Files.readAllBytes(out.resolve("explore.json"))).isEqualTo(document);
        assertThat(explore(arguments).out()).contains("Measured 0, " + lines.size() + " were known before");
    }

    @Test
    void accuracyIsAQualityLikeAnyOther(@TempDir Path folder) throws IOException {
        var out = folder.resolve("out");
        var run = explore(
                "--sweep=layer",
                "--method=tucker",
                "--tasks=boolq",
                "--task-data=" + Run.ROOT.resolve("core/src/test/resources/golden/tasks/data"),
                "--limit=3",
                TEXT,
                "-o",
                out.toString(),
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        for (var row : Documents.of(run).path("configurations")) {
            assertThat(row.path("boolq:acc").asDouble(-1)).isBetween(0.0, 1.0);
            assertThat(row.path("perplexity").asDouble()).isPositive();
        }
        var page = Files.readString(out.resolve("report.html"));
        assertThat(page)
                .contains("boolq:acc")
                .contains("The design space")
                .contains("\"command\":\"lowrank explore --max-windows=1 ");
        assertThat(page.length()).isLessThan(1_000_000);
    }

    @Test
    void aTaskThatWritesIsRefused() {
        var run = explore(
                "--sweep=layer",
                "--method=tucker",
                "--tasks=svamp",
                "--task-data=" + Run.ROOT.resolve("core/src/test/resources/golden/tasks/data"),
                TEXT);
        assertThat(run.code()).as(run.err()).isEqualTo(2);
        assertThat(run.err()).contains("lets the model write");
    }

    @Test
    void aMemberOfTheFrontIsMadeByItsCommand(@TempDir Path folder) throws IOException {
        var out = folder.resolve("out");
        var run = explore(
                "--search=greedy",
                "--evaluations=25",
                "--constraint=bytes<=-3%",
                "--front=2",
                TEXT,
                CALIBRATION,
                "--out",
                out.toString(),
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        var dense = document.path("configurations").path(0);
        var member = document.path("front").path(0);
        var row = document.path("configurations")
                .path(member.path("configuration").asInt());
        assertThat(row.path("bytes").asDouble())
                .isLessThanOrEqualTo(0.97 * dense.path("bytes").asDouble());
        assertThat(row.path("front").asBoolean()).isTrue();
        var command = member.path("command").asString().split(" ");
        assertThat(command).startsWith("lowrank", "compress");
        var made = Run.of(Arrays.copyOfRange(command, 1, command.length));
        assertThat(made.code()).as(made.err()).isZero();
        var checked = Run.of(
                "evaluate",
                command[command.length - 1],
                TEXT,
                "--window=64",
                "--max-windows=1",
                "--no-speed",
                "--json");
        assertThat(checked.code()).as(checked.err()).isZero();
        var figures = Documents.of(checked);
        assertThat(figures.path("parameters").asLong())
                .isEqualTo(row.path("parameters").asLong());
        assertThat(figures.path("perplexity").path(0).path("value").asDouble())
                .isEqualTo(member.path("stored").path("perplexity").asDouble());
        assertThat(Files.readString(out.resolve("configurations.csv")).lines().count())
                .isEqualTo(document.path("configurations").size() + 1L);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--sweep=rnak                               | rank",
                "--search=nsga                              | nsga2",
                "--search=nsga2 --objective=perplexty,bytes | perplexity",
                "--search=nsga2 --constraint=byte<=-9%      | bytes",
                "--search=nsga2 --constraint=bytes          | is no bound",
                "--search=nsga2 --constraint=bytes<=many    | number of bytes",
                "--search=nsga2 --constraint=bytes<=-90%    | cannot be met",
                "--search=nsga2 --constraint=bytes>=+5%     | cannot be met",
                "--search=nsga2 --evaluations=0             | at least 1",
                "--sweep=layer --sweep-rank=0               | at least 1",
                "--sweep=distance                           | 1 layers",
                "--search=nsga2 --allocate-rounds=2         | would change nothing",
                "--search=nsga2 --method=shortgpt           | methods of single linears",
            })
    void whatCannotBeAskedIsSaidWithWhatCould(String options, String word) {
        var arguments = new ArrayList<>(List.of(options.strip().split(" ")));
        arguments.addAll(List.of(TEXT, CALIBRATION));
        var run = explore(arguments.toArray(String[]::new));
        assertThat(run.code()).as(run.err()).isEqualTo(ExitCode.USAGE.number());
        assertThat(run.err()).contains(word);
    }

    @Test
    void aTextHasOneRole() {
        var same = explore("--sweep=layer", CALIBRATION, CALIBRATION.replace("--calibration", "--text"));
        assertThat(same.code()).isEqualTo(ExitCode.USAGE.number());
        assertThat(same.err()).contains("--calibration and as --text");
        var checked = explore("--sweep=layer", "--method=svd", TEXT, TEXT.replace("--text", "--check-text"));
        assertThat(checked.code()).isEqualTo(ExitCode.USAGE.number());
        assertThat(checked.err()).contains("--text and as --check-text");
        assertThat(explore("--sweep=layer").err()).contains("--text FILE");
    }

    @Test
    void aBoundThatNothingMetEndsWithSevenAndTheNearest() {
        var run = explore("--search=bayes", "--evaluations=12", "--method=svd", "--constraint=perplexity<=-50%", TEXT);
        assertThat(run.code()).as(run.err()).isEqualTo(ExitCode.QUALITY.number());
        assertThat(run.err()).contains("the nearest has perplexity");
    }

    @Test
    void ranksOfSitesAreReadStrictly(@TempDir Path folder) throws IOException {
        var file = folder.resolve("ranks.json");
        for (var wrong :
                List.of("[1]", "{\"model.layers.0.mlp.up_proj\": 1.5}", "{\"no.such.site\": 4}", "{", "{\"a\": 0}")) {
            Files.writeString(file, wrong);
            var run = Run.of("plan", "--method=svd", "--site-ranks", file.toString());
            assertThat(run.code()).as(wrong + run.err()).isEqualTo(ExitCode.USAGE.number());
            assertThat(run.err()).contains("ranks.json");
        }
        Files.writeString(file, "{\"model.layers.0.mlp.up_proj\": 16}");
        var run = Run.of("plan", "--method=svd", "--site-ranks", file.toString(), "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(Run.of("plan", "--method=svd", "--keep=0.5", "--site-ranks", file.toString())
                        .err())
                .contains("exclude one another");
    }
}
