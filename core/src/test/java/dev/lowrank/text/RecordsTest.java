package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordsTest {
    @TempDir
    Path folder;

    private Path file(String content) throws IOException {
        return Files.writeString(folder.resolve("some.jsonl"), content);
    }

    @Test
    void recordsKeepTheirLinesAndBlankOnesDoNotCount() throws IOException {
        var lines = Records.read(file("{\"a\":\"x\",\"n\":2.5,\"l\":1}\n\n{\"a\":\"y\"}\n"), 0);
        assertThat(lines).hasSize(2);
        assertThat(lines.getFirst().text("a")).isEqualTo("x");
        assertThat(lines.getFirst().number("n")).isEqualTo(2.5);
        assertThat(lines.getFirst().index("l", 2)).isEqualTo(1);
        assertThat(lines.getLast().line()).isEqualTo(3);
    }

    @Test
    void aLimitTakesTheFirst() throws IOException {
        assertThat(Records.read(file("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"), 2)).hasSize(2);
    }

    @Test
    void aFieldThatIsMissingOrOfTheWrongKindIsNamedWithItsLine() throws IOException {
        var line = Records.read(file("{\"a\":1}\n{\"b\":\"x\",\"l\":2}\n"), 0).getLast();
        assertThatThrownBy(() -> line.text("a"))
                .hasMessageContaining("line 2 has no `a`")
                .hasMessageContaining("[b, l]");
        assertThatThrownBy(() -> line.number("b"))
                .hasMessageContaining("`b` = \"x\"")
                .hasMessageContaining("a number");
        assertThatThrownBy(() -> line.index("l", 2)).hasMessageContaining("from 0 to 1");
    }

    @Test
    void brokenFilesSayWhere() throws IOException {
        var broken = file("{\"a\":1}\n{\"a\":\n");
        assertThatThrownBy(() -> Records.read(broken, 0))
                .isInstanceOf(TextException.class)
                .hasMessageContaining("some.jsonl line 2");
        var empty = file("\n \n");
        assertThatThrownBy(() -> Records.read(empty, 0)).hasMessageContaining("no record");
        assertThatThrownBy(() -> Records.read(folder.resolve("none.jsonl"), 0)).hasMessageContaining("no such file");
        Files.write(folder.resolve("some.jsonl"), "{\"a\":\"\u00e4\"}".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> Records.read(folder.resolve("some.jsonl"), 0)).hasMessageContaining("UTF-8");
    }

    @Test
    void sentencePairsAreCalibrationText() throws IOException {
        var corpus = Corpus.read(file("{\"s1\":\"One.\",\"s2\":\"Two.\"}\n{\"text\":\"Three.\"}\n"));
        assertThat(corpus.text()).isEqualTo("One.\n\nTwo.\n\nThree.");
    }
}
