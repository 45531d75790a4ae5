package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What the commands do with an encoder.
class EncoderCommandsTest {
    private static final Path GOLDEN =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("core/src/test/resources/golden/encoders");
    private static final String SENTENCE = GOLDEN.resolve("bert-sentence").toString();
    private static final String MASKED = GOLDEN.resolve("bert-masked").toString();
    private static final String CLASSIFIER = GOLDEN.resolve("bert-classifier").toString();

    @TempDir
    Path folder;

    @BeforeEach
    void writeTasks() throws IOException {
        var sts = new StringBuilder();
        var sst = new StringBuilder();
        var words = new String[] {"man", "dog", "cat", "horse", "woman", "guitar"};
        for (var i = 0; i < 12; i++) {
            sts.append(String.format(
                    "{\"id\":%d,\"s1\":\"the %s runs\",\"s2\":\"a %s sings\",\"score\":%d}%n",
                    i, words[i % 6], words[(i * 5 + 1) % 6], i % 5));
            sst.append(String.format(
                    "{\"text\":\"the %s is %s\",\"label\":%d}%n", words[i % 6], i % 2 == 0 ? "big" : "red", i % 2));
        }
        Files.writeString(folder.resolve("stsb_dev.jsonl"), sts);
        Files.writeString(folder.resolve("glue_sst2_dev.jsonl"), sst);
        Files.writeString(folder.resolve("sst2_train.jsonl"), sst);
        Files.writeString(folder.resolve("text.txt"), "the dog runs on the red horse, a cat sings. ".repeat(40));
    }

    @Test
    void tasksHaveTheEntriesOfTheContract() {
        var run = Run.of("evaluate", SENTENCE, "--tasks", "stsb,sst2", "--task-data", folder.toString(), "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var tasks = Documents.of(run).path("tasks");
        assertThat(tasks.size()).isEqualTo(3);
        assertThat(tasks.path(0).path("task").asString()).isEqualTo("stsb");
        assertThat(tasks.path(0).path("metric").asString()).isEqualTo("spearman");
        assertThat(tasks.path(0).path("value").asDouble()).isBetween(-100.0, 100.0);
        assertThat(tasks.path(0).path("stderr").asDouble()).isPositive();
        assertThat(tasks.path(0).path("documents").asInt()).isEqualTo(12);
        assertThat(tasks.path(2).path("metric").asString()).isEqualTo("acc");
        assertThat(tasks.path(2).path("value").asDouble()).isEqualTo(1.0); // one word tells, and the probe has seen it
        assertThat(tasks.path(2).path("protocol").asString()).isEqualTo("linear probe on sst2_train.jsonl");
    }

    @Test
    void aLimitTakesTheFirstRecords() {
        var run = Run.of(
                "evaluate", SENTENCE, "--tasks", "stsb", "--task-data", folder.toString(), "--limit", "5", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(Documents.of(run).path("tasks").path(0).path("documents").asInt())
                .isEqualTo(5);
    }

    @Test
    void aTextIsMeasuredByItsHiddenTokensWhereThereIsAHead() {
        var text = folder.resolve("text.txt").toString();
        var run = Run.of("evaluate", MASKED, "--text", text, "--window", "32", "--max-windows=3");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("masked_perplexity").contains("15 %");
        var without = Run.of("evaluate", SENTENCE, "--text", text, "--json");
        assertThat(without.code()).isEqualTo(4);
        assertThat(without.err()).contains("an encoder").contains("evaluate --tasks");
    }

    @Test
    void whatIsMissingOrUnknownIsAUsageErrorWithTheNearestName() {
        var unknown = Run.of("evaluate", SENTENCE, "--tasks", "stsbb", "--task-data", folder.toString());
        assertThat(unknown.code()).isEqualTo(2);
        assertThat(unknown.err()).contains("stsbb").contains("stsb");
        var nothing = Run.of("evaluate", SENTENCE);
        assertThat(nothing.code()).isEqualTo(2);
        assertThat(nothing.err()).contains("--tasks");
        var nowhere = Run.of("evaluate", SENTENCE, "--tasks", "stsb");
        assertThat(nowhere.code()).isEqualTo(2);
        assertThat(nowhere.err()).contains("--task-data");
        var absent = Run.of("evaluate", SENTENCE, "--tasks", "rte", "--task-data", folder.toString());
        assertThat(absent.code()).isEqualTo(4);
        assertThat(absent.err()).contains("glue_rte_dev.jsonl");
    }

    @Test
    void aClassifierOfOtherLabelsIsLeftForAProbe() {
        var run = Run.of("evaluate", CLASSIFIER, "--tasks", "sst2", "--task-data", folder.toString(), "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(Documents.of(run).path("tasks").path(0).path("protocol").asString())
                .startsWith("linear probe");
    }

    @ParameterizedTest
    @ValueSource(strings = {"generate", "chat", "recover", "compare"})
    void commandsThatPredictTokensRefuseEncoders(String command) {
        var text = folder.resolve("text.txt").toString();
        var run = switch (command) {
            case "generate" -> Run.of("generate", SENTENCE, "--prompt", "a dog");
            case "chat" -> Run.typing("a dog\n", "chat", SENTENCE);
            case "recover" ->
                Run.of(
                        "recover",
                        SENTENCE,
                        "--text",
                        text,
                        "--no-teacher",
                        "--steps=1",
                        "-o",
                        folder.resolve("out").toString());
            default -> Run.of("compare", SENTENCE, "--calibration", text, "--text", text, "--methods", "svd");
        };
        assertThat(run.code()).as(run.err()).isEqualTo(4);
        assertThat(run.err()).contains("an encoder").contains("evaluate --tasks");
    }

    @Test
    void aCompressedEncoderIsMeasuredLikeItsSource() {
        var output = folder.resolve("out").toString();
        var run = Run.of(
                "compress",
                SENTENCE,
                "--method=svd-llm",
                "--allocate=knapsack",
                "--keep=0.7",
                "--samples=32",
                "--window=16",
                "--calibration",
                folder.resolve("text.txt").toString(),
                "-o",
                output,
                "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(Documents.of(run).path("kept_target").asDouble()).isLessThanOrEqualTo(0.7);
        var measured = Run.of("evaluate", output, "--tasks", "stsb", "--task-data", folder.toString(), "--json");
        assertThat(measured.code()).as(measured.err()).isZero();
        assertThat(Files.exists(Path.of(output, "modeling_lowrank_bert.py"))).isTrue();
    }
}
