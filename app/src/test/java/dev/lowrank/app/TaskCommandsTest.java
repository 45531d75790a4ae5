package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

class TaskCommandsTest {
    private static final String DATA =
            Run.ROOT.resolve("core/src/test/resources/golden/tasks/data").toString();

    @TempDir
    Path folder;

    @Test
    void tasksAreFiguresOfTheDocument() throws IOException {
        var samples = folder.resolve("samples");
        var run = Run.of(
                "evaluate",
                "--tasks",
                "arc_easy,boolq",
                "--task-data",
                DATA,
                "--limit",
                "3",
                "--shots",
                "0",
                "--log-samples",
                samples.toString(),
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        assertThat(document.path("perplexity")).isEmpty();
        assertThat(document.has("speed")).isFalse();
        assertThat(document.path("task_protocol").asString()).isEqualTo("lm-evaluation-harness 0.4");
        var tasks = document.path("tasks");
        assertThat(tasks.valueStream()
                        .map(figure -> figure.path("task").asString() + " "
                                + figure.path("metric").asString()))
                .containsExactly("arc_easy acc", "arc_easy acc_norm", "boolq acc");
        for (var figure : tasks) {
            assertThat(figure.path("documents").asInt()).isEqualTo(3);
            assertThat(figure.path("shots").asInt()).isZero();
            assertThat(figure.path("value").asDouble()).isBetween(0.0, 1.0);
            assertThat(figure.path("seconds").asDouble()).isPositive();
        }
        var lines = Files.readAllLines(samples.resolve("samples_arc_easy.jsonl"));
        assertThat(lines).hasSize(3);
        var first = JsonMapper.builder().build().readTree(lines.getFirst());
        assertThat(first.path("prompts").path(0).asString())
                .startsWith("Question: ")
                .endsWith("\nAnswer:");
        assertThat(first.path("choices")).hasSize(4);
        assertThat(first.path("log_likelihoods")).hasSize(4);
        assertThat(first.path("log_likelihoods").path(0).asDouble()).isCloseTo(-105.8316, within(1e-3));
        assertThat(first.path("gold").path(0).asInt()).isZero();
    }

    @Test
    void aTaskOfOnesOwnIsAFileAndItsRecords() throws IOException {
        var task = Files.writeString(folder.resolve("capitals.yaml"), """
                task: capitals
                output_type: multiple_choice
                data: {file: capitals.jsonl, source: nowhere}
                layouts:
                  - needs: [country, options, right]
                doc_to_text: "The capital of {{country}} is"
                doc_to_choice: "{{options}}"
                doc_to_target: "{{right}}"
                metric_list:
                  - metric: acc
                """);
        Files.writeString(
                folder.resolve("capitals.jsonl"),
                "{\"country\": \"France\", \"options\": [\"Paris\", \"Rome\"], \"right\": 0}\n");
        var run = Run.of("evaluate", "--task-file", task.toString(), "--task-data", folder.toString(), "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var figure = Documents.of(run).path("tasks").path(0);
        assertThat(figure.path("task").asString()).isEqualTo("capitals");
        assertThat(figure.path("documents").asInt()).isOne();
        assertThat(figure.has("stderr")).isFalse(); // one document has no spread
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "arc_eazy |         | 2 | Did you mean arc_easy?",
                "arc_easy | --limit=-1 | 2 | --limit must be at least 0",
                "arc_easy | --shots=-1 | 2 | --shots must be at least 0",
                "arc_easy | --shots=2  | 4 | arc_easy_train.jsonl",
                "copa     |         | 4 | copa.jsonl",
                "humaneval|         | 2 | --allow-code-execution"
            })
    void whatIsWrongIsSaid(String task, String option, int code, String words) {
        var run = Run.of("evaluate", "--tasks", task, "--task-data", DATA, option == null ? "--limit=1" : option);
        assertThat(run.code()).as(run.err()).isEqualTo(code);
        assertThat(run.err()).contains(words);
        assertThat(run.out()).isEmpty();
    }

    @Test
    @Tag("sandbox")
    void programsRunInTheSandboxToTheEnd() throws IOException {
        var samples = folder.resolve("samples");
        var run = Run.of(
                "evaluate",
                "--tasks=humaneval",
                "--task-data",
                DATA,
                "--limit=2",
                "--code-samples=2",
                "--allow-code-execution",
                "--log-samples",
                samples.toString(),
                "--json");
        Assumptions.assumeFalse(
                run.code() == 4 && run.err().contains("sandbox"), () -> "No sandbox here: " + run.err());
        assertThat(run.code()).as(run.err()).isZero();
        var figure = Documents.of(run).path("tasks").path(0);
        assertThat(figure.path("metric").asString()).isEqualTo("pass@1");
        assertThat(figure.path("value").asDouble()).isBetween(0.0, 1.0);
        var line = JsonMapper.builder()
                .build()
                .readTree(Files.readAllLines(samples.resolve("samples_humaneval.jsonl"))
                        .getFirst());
        assertThat(line.path("responses")).hasSize(2);
        assertThat(line.path("outcomes"))
                .hasSize(2)
                .allSatisfy(outcome -> assertThat(outcome.asString()).matches("passed|timed out|failed: .*"));
    }

    @Test
    void recordsAreNeeded() {
        var run = Run.of("evaluate", "--tasks", "arc_easy");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--task-data");
    }

    @Test
    void somethingToMeasureOnIsNeeded() {
        var run = Run.of("evaluate");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("nothing to measure on").contains("--tasks");
    }

    @Test
    void aModelThatIsBelowTheBoundAlreadyIsNotCut() {
        var output = folder.resolve("out");
        var run = accuracy(output, "arc_easy=0.9");
        assertThat(run.code()).as(run.err()).isEqualTo(7);
        assertThat(run.err()).contains("The model as it is has arc_easy acc");
        assertThat(output).doesNotExist();
    }

    @Test
    void theSmallestShareWithinTheBoundIsKept() throws IOException {
        var output = folder.resolve("out");
        var run = accuracy(output, "boolq=0.2");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        var found = document.path("accuracy");
        assertThat(found.path("documents").asInt()).isEqualTo(4);
        assertThat(found.path("after").asDouble()).isGreaterThanOrEqualTo(0.2);
        assertThat(found.path("rounds")).hasSize(6);
        var kept = document.path("kept_target").asDouble();
        for (var round : found.path("rounds")) {
            if (round.path("value").asDouble() >= 0.2) {
                assertThat(round.path("keep").asDouble()).isGreaterThanOrEqualTo(kept - 1e-9);
            }
        }
        assertThat(document.path("output").asString()).isEqualTo(output.toString());
        assertThat(Run.of("verify", output.toString()).code()).isZero();
        try (var beside = Files.list(folder)) {
            assertThat(beside).containsExactly(output);
        }
    }

    @ParameterizedTest
    @CsvSource({"arc_easy, names no accuracy", "arc_easy=2, above 0 and at most 1", "arc_easy:bleu=0.1, has no accuracy"
    })
    void aBoundThatCannotBeReadIsRefused(String bound, String words) {
        var run = accuracy(folder.resolve("out"), bound);
        assertThat(run.code()).as(run.err()).isEqualTo(2);
        assertThat(run.err()).contains(words);
    }

    @Test
    void aLimitBelowZeroIsRefusedForABoundToo() {
        var run = Run.of(
                "compress",
                "--method=svd",
                "--min-accuracy=boolq=0.2",
                "--limit=-1",
                "--task-data",
                DATA,
                "-o",
                folder.resolve("out").toString());
        assertThat(run.code()).as(run.err()).isEqualTo(2);
        assertThat(run.err()).contains("--limit must be at least 0");
    }

    @Test
    void aBoundAndAShareExcludeEachOther() {
        var run = Run.of(
                "compress",
                "--method=svd",
                "--keep=0.5",
                "--min-accuracy=boolq=0.2",
                "--task-data",
                DATA,
                "-o",
                folder.resolve("out").toString());
        assertThat(run.code()).as(run.err()).isEqualTo(2);
        assertThat(run.err()).contains("--min-accuracy finds out what to keep");
    }

    private static Run accuracy(Path output, String bound) {
        return Run.of(
                "compress",
                "--method=svd",
                "--min-accuracy",
                bound,
                "--task-data",
                DATA,
                "-o",
                output.toString(),
                "--json");
    }
}
