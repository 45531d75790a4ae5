package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecoverCommandTest {
    private static final Path TEXTS = Run.ROOT.resolve("models/pocket/text");

    @TempDir
    private static Path shared;

    private static Path compressed;
    private static Path training;
    private static Path validation;

    @TempDir
    private Path folder;

    @BeforeAll
    static void compress() throws IOException {
        compressed = shared.resolve("compressed");
        var run = Run.of("compress", "--method=svd", "--keep=0.4", "--output=" + compressed);
        assertThat(run.code()).as(run.err()).isZero();
        var text = Files.readString(TEXTS.resolve("python-calibration.jsonl"));
        var lines = text.lines().toList();
        training = Files.writeString(shared.resolve("training.jsonl"), lines.get(0) + "\n");
        validation = Files.writeString(shared.resolve("validation.jsonl"), lines.get(1) + "\n");
    }

    private Run recover(String... more) {
        var arguments = new ArrayList<>(
                List.of("recover", compressed.toString(), "--text=" + training, "--output=" + folder.resolve("out")));
        for (var small : List.of("--window=64", "--batch=2")) {
            var option = small.substring(0, small.indexOf('=') + 1);
            if (Stream.of(more).noneMatch(each -> each.startsWith(option))) {
                arguments.add(small);
            }
        }
        arguments.addAll(List.of(more));
        return Run.of(arguments.toArray(String[]::new));
    }

    @Test
    void aFewStepsTowardsTheSourceLowerThePerplexity() {
        var run = recover("--validation=" + validation, "--validation-windows=4", "--steps=12", "--rounds=2", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("models/pocket, the source of");
        var document = Documents.of(run);
        assertThat(document.path("steps").asLong()).isEqualTo(12);
        assertThat(document.path("tokens").asLong()).isEqualTo(12 * 2 * 64);
        assertThat(document.path("rounds").size()).isEqualTo(3);
        assertThat(document.path("perplexity_after").asDouble())
                .isLessThan(0.9 * document.path("perplexity_before").asDouble());
        assertThat(Run.of("verify", folder.resolve("out").toString()).code()).isZero();
    }

    @Test
    void peopleReadWhatWasDone() {
        var run = recover("--no-teacher", "--steps=1", "--precision=bf16");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("numbers trained in bf16, on the text alone", "1 steps", "Next: lowrank evaluate");
    }

    @Test
    void aTeacherOfWhichNothingWasLearntIsNotNamed() {
        var run = recover("--text-weight=1", "--steps=1", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(Documents.of(run).has("teacher")).isFalse();
        assertThat(Documents.of(run).has("towards")).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "--rate=0, --rate must be a number above 0",
                "--rate=NaN, but was NaN",
                "--rate=1e9, --weight-decay must be at least 0 and below 1 / --rate",
                "--rate=abc, --rate",
                "--batch=0, --batch must be at least 1",
                "--warm-up=1, --warm-up must be in [0| 1)",
                "--clip=-1, --clip must be at least 0",
                "--weight-decay=-1, --weight-decay must be at least 0",
                "--minutes=0, --minutes must be above 0| but was 0.0",
                "--minutes=-1, --minutes must be above 0| but was -1.0",
                "--minutes=abc, --minutes",
                "--steps=0, --steps must be at least 1",
                "--stages=blocks|middle, Unknown stage 'middle'; known: blocks",
                "--stages=blocks|blocks, each once| but was 'blocks|blocks'",
                "--memory=4x, is a number of bytes",
                "--schedule=steep, Unknown schedule",
                "--text-weight=2, --text-weight must be in",
                "--temperature=0, --temperature must be a number above 0",
                "--teacher-top=0, --teacher-top must be at least 1",
                "--block-windows=0, --block-windows must be at least 1",
                "--block-epochs=0, --block-epochs must be at least 1",
                "--block-rate=0, --block-rate must be a number above 0",
                "--rounds=0, --rounds must be at least 1",
                "--patience=-1, --patience must be at least 0",
                "--window=1, predicts nothing",
                "--train=lrc, none is marked",
                "--train=all, Unknown choice of --train"
            })
    void valuesOutOfRangeAreUsageErrors(String option, String message) {
        var run = recover(option.replace('|', ','));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains(message.replace('|', ','));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aWindowBeyondTheContextIsAUsageError() {
        var run = Run.of(
                "recover",
                compressed.toString(),
                "--text=" + training,
                "--output=" + folder.resolve("out"),
                "--window=4096");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("beyond the model's context");
    }

    @Test
    void theStageOfBlocksWithoutATeacherIsAUsageError() {
        var run = recover("--no-teacher", "--stages=blocks");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("trains against the dense model").contains("--teacher");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aTrainingTextThatIsAlsoTheValidationTextIsAUsageError() {
        var run = recover("--validation=" + training, "--steps=1");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("training.jsonl has the content of the training text");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void timeAndStepsTogetherAreAUsageError() {
        var run = recover("--steps=3", "--minutes=1");
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("--minutes and --steps");
    }

    @Test
    void tooLittleMemoryIsSaidBeforeAnyWork() {
        var run = recover("--steps=1", "--memory=1m");
        assertThat(run.code()).isEqualTo(5);
        assertThat(run.err()).contains("Training takes at least about");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aModelThatWasNeverCompressedIsBadInput() {
        var run = Run.of(
                "recover",
                Run.ROOT.resolve("models/pocket").toString(),
                "--text=" + training,
                "--output=" + folder.resolve("out"),
                "--steps=1");
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.err()).contains("no folder that Lowrank wrote").doesNotContain("warning");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aTextShorterThanAWindowIsBadInput() throws IOException {
        var text = Files.writeString(folder.resolve("short.txt"), "too short");
        var run = recover("--text=" + text, "--steps=1");
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.err()).contains("short.txt");
        assertThat(folder.resolve("out.partial")).doesNotExist();
    }
}
