package dev.lowrank.evaluate.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.evaluate.encoder.LabelTask.Example;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.DataRecords;
import dev.lowrank.text.TextException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowTest {
    @TempDir
    Path folder;

    private Path file(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content);
    }

    @Test
    void fieldsAreReadAsTheKindThatIsAskedFor() throws IOException {
        var row = new Row(DataRecords.read(file("some.jsonl", "{\"a\":\"x\",\"n\":2.5,\"l\":1}\n"))
                .getFirst());
        assertThat(row.text("a")).isEqualTo("x");
        assertThat(row.number("n")).isEqualTo(2.5);
        assertThat(row.index("l", 2)).isEqualTo(1);
    }

    @Test
    void aFieldThatIsMissingOrOfTheWrongKindIsNamedWithItsLine() throws IOException {
        var row = new Row(DataRecords.read(file("some.jsonl", "{\"a\":1}\n{\"b\":\"x\",\"l\":2}\n"))
                .getLast());
        assertThatThrownBy(() -> row.text("a"))
                .isInstanceOf(TextException.class)
                .hasMessageContaining("some.jsonl line 2")
                .hasMessageContaining("no `a`")
                .hasMessageContaining("[b, l]");
        assertThatThrownBy(() -> row.number("b"))
                .hasMessageContaining("`b` = x")
                .hasMessageContaining("a number");
        assertThatThrownBy(() -> row.index("l", 2)).hasMessageContaining("from 0 to 1");
    }

    @Test
    void tasksReadTheirFilesAndNoMoreThanTheLimit() throws IOException {
        file("glue_rte_dev.jsonl", "{\"premise\":\"p\",\"hypothesis\":\"h\",\"label\":1}\n".repeat(3));
        assertThat(LabelTask.RTE.scored(folder, 2)).containsExactly(new Example("p", "h", 1), new Example("p", "h", 1));
        assertThat(LabelTask.RTE.scored(folder, 0)).hasSize(3);
        assertThatThrownBy(() -> LabelTask.RTE.fitted(folder)).hasMessageContaining("rte_train.jsonl");
    }

    @Test
    void sentencePairsAreCalibrationText() throws IOException {
        var corpus = Corpus.read(file("some.jsonl", "{\"s1\":\"One.\",\"s2\":\"Two.\"}\n{\"text\":\"Three.\"}\n"));
        assertThat(corpus.text()).isEqualTo("One.\n\nTwo.\n\nThree.");
    }
}
