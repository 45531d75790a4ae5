package dev.lowrank.evaluate.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.DataRecords;
import dev.lowrank.text.TextException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TaskDataTest {
    private static final TaskDefinition ARC = Tasks.named("arc_easy").orElseThrow();

    @TempDir
    Path folder;

    private void write(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }

    private PreparedTask prepared(TaskDefinition task, int shots) {
        return PreparedTask.of(task, folder, 0, OptionalInt.of(shots));
    }

    @ParameterizedTest
    @ValueSource(strings = {"snappy", "zstd", "gzip"})
    void parquetOfTheHubAsksTheSame(String codec) {
        var lines = PreparedTask.of(ARC, GoldenTasks.data(), 0, OptionalInt.empty());
        var rows = PreparedTask.of(ARC, GoldenTasks.folder().resolve("parquet").resolve(codec), 0, OptionalInt.empty());
        assertThat(rows.documents()).hasSameSizeAs(lines.documents());
        for (var i = 0; i < rows.documents().size(); i++) {
            assertThat(rows.documents().get(i).contexts())
                    .isEqualTo(lines.documents().get(i).contexts());
            assertThat(rows.documents().get(i).choices())
                    .isEqualTo(lines.documents().get(i).choices());
            assertThat(rows.documents().get(i).gold())
                    .isEqualTo(lines.documents().get(i).gold());
        }
    }

    @Test
    void hellaswagOfTheHubIsCleaned() throws IOException {
        write(
                "hellaswag.jsonl",
                "{\"ctx_a\": \"[header] How to [title] x\", \"ctx_b\": \"the MAN\", \"activity_label\": \"Home  art\","
                        + " \"endings\": [\" a [step] b\", \"c\"], \"label\": \"1\"}\n");
        var document =
                prepared(Tasks.named("hellaswag").orElseThrow(), 0).documents().getFirst();
        assertThat(document.contexts()).containsExactly("Home art: How to. x The man");
        assertThat(document.choices()).containsExactly("a b", "c");
        assertThat(document.gold()).containsExactly(1);
    }

    @Test
    void aMissingFileSaysWhereToGetIt() {
        assertThatThrownBy(() -> prepared(ARC, 0))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("arc_easy.jsonl")
                .hasMessageContaining("allenai/ai2_arc");
    }

    @Test
    void missingColumnsAreNamedBesideTheExpected() throws IOException {
        write("arc_easy.jsonl", "{\"query\": \"a\", \"choice\": [\"b\"]}\n");
        assertThatThrownBy(() -> prepared(ARC, 0))
                .isInstanceOf(TaskException.class)
                .hasMessage("arc_easy.jsonl line 1 has the columns query, choice. The task arc_easy needs"
                        + " query, choices, gold; or question, choices, answerKey");
    }

    @Test
    void aLaterRecordWithoutAColumnIsNamed() throws IOException {
        write(
                "arc_easy.jsonl",
                "{\"query\": \"a\", \"choices\": [\"b\"], \"gold\": 0}\n\n{\"query\": \"a\", \"gold\": 0}\n");
        assertThatThrownBy(() -> prepared(ARC, 0)).hasMessageContaining("arc_easy.jsonl line 3 lacks choices");
    }

    @Test
    void aBrokenLineIsNamed() throws IOException {
        write("arc_easy.jsonl", "{\"query\": \"a\", \"choices\": [\"b\"], \"gold\": 0}\n{\"query\": \n");
        assertThatThrownBy(() -> prepared(ARC, 0))
                .isInstanceOf(TextException.class)
                .hasMessageContaining("line 2");
    }

    @Test
    void brokenParquetIsNamed() throws IOException {
        write("arc_easy.parquet", "PAR1 and no more");
        assertThatThrownBy(() -> prepared(ARC, 0))
                .isInstanceOf(TextException.class)
                .hasMessageContaining("arc_easy.parquet");
    }

    @Test
    void aRightAnswerThatIsNoChoiceIsRefused() throws IOException {
        write("arc_easy.jsonl", "{\"query\": \"a\", \"choices\": [\"b\", \"c\"], \"gold\": 2}\n");
        assertThatThrownBy(() -> prepared(ARC, 0)).hasMessageContaining("expected a place from 0 to 1");
    }

    @Test
    void examplesNeedTheirFile() throws IOException {
        write("arc_easy.jsonl", "{\"query\": \"a\", \"choices\": [\"b\", \"c\"], \"gold\": 1}\n");
        assertThatThrownBy(() -> prepared(ARC, 1)).hasMessageContaining("arc_easy_train.jsonl");
        write("arc_easy_train.jsonl", "{\"query\": \"x\", \"choices\": [\"y\", \"z\"], \"gold\": 0}\n");
        assertThat(prepared(ARC, 1).documents().getFirst().contexts())
                .containsExactly("Question: x\nAnswer: y\n\nQuestion: a\nAnswer:");
        assertThatThrownBy(() -> prepared(ARC, 2)).hasMessageContaining("has 1 examples; 2 were asked for");
    }

    @Test
    void aTaskWithAFixedNumberOfExamplesTakesNoOther() {
        var task = Tasks.named("truthfulqa_mc1").orElseThrow();
        assertThatThrownBy(() -> PreparedTask.of(task, GoldenTasks.data(), 0, OptionalInt.of(5)))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("asked with 0 examples, not with 5");
    }

    @Test
    void emptyFilesAreRefused() throws IOException {
        write("empty.jsonl", "\n\n");
        assertThatThrownBy(() -> DataRecords.read(folder.resolve("empty.jsonl")))
                .isInstanceOf(TextException.class)
                .hasMessageContaining("holds no record");
    }
}
