package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.TextException.Code;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {
    @Test
    void aTextIsItsContentAsItStands(@TempDir Path folder) throws IOException {
        var path = folder.resolve("a.txt");
        Files.writeString(path, "\uFEFFone\r\ntwo\n\n");
        var corpus = Corpus.read(path);
        assertThat(corpus.text()).isEqualTo("\uFEFFone\r\ntwo\n\n");
        assertThat(corpus.name()).isEqualTo("a.txt");
    }

    @Test
    void theHashIsThatOfTheBytes() {
        assertThat(Corpus.of("a.txt", TinyTokenizer.utf8("abc")).sha256())
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    @Test
    void recordsAreJoinedByTwoNewlines() {
        var jsonl = "{\"id\": 1, \"text\": \"one\\n\"}\r\n\n{\"text\": \"\\ud83d\\ude00\"}\n{\"text\": \"\"}";
        assertThat(Corpus.of("a.JSONL", TinyTokenizer.utf8(jsonl)).text()).isEqualTo("one\n\n\n😀\n\n");
    }

    @Test
    void anOddRecordNamesItsLine() {
        refused("a.jsonl", "{\"text\": \"x\"}\n{\"id\": 1}\n", Code.DATA_RECORD, "line 2 has no `text` field");
        refused("a.jsonl", "{\"text\": 5}", Code.DATA_RECORD, "line 1");
        refused("a.jsonl", "{\"text\": null}", Code.DATA_RECORD, "line 1");
        refused("a.jsonl", "[1]", Code.DATA_RECORD, "line 1");
        refused("a.jsonl", "{\"text\": \"x\"}\n\n{\"text\": ", Code.DATA_RECORD, "line 3");
        refused("a.jsonl", "{\"text\": \"\\ud83d\"}", Code.DATA_UTF8, "line 1");
        refused("a.jsonl", "{\"text\": \"x\", \"a\": " + "[".repeat(5000), Code.JSON_LIMIT, "line 1");
    }

    @Test
    void bytesThatAreNotUtf8AreNamedByPlace() {
        var bytes = new byte[] {'a', '\n', 'b', (byte) 0xC3, '\n'};
        refused(() -> Corpus.of("a.txt", bytes), Code.DATA_UTF8, "byte 0xc3 at offset 3 (line 2)");
        refused(
                () -> Corpus.of("a.txt", new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80}),
                Code.DATA_UTF8,
                "offset 0");
        refused(() -> Corpus.of("a.txt", new byte[] {'x', (byte) 0xE2, (byte) 0x82}), Code.DATA_UTF8, "offset 1");
    }

    @Test
    void emptyTextsAreRefused() {
        refused("a.txt", "", Code.DATA_EMPTY, "no text");
        refused("a.txt", " \n\t", Code.DATA_EMPTY, "no text");
        refused("a.jsonl", "\n\n", Code.DATA_EMPTY, "no text");
        refused("a.jsonl", "{\"text\": \"\"}", Code.DATA_EMPTY, "no text");
    }

    @Test
    void aMissingFileIsNamed(@TempDir Path folder) {
        refused(() -> Corpus.read(folder.resolve("gone.txt")), Code.DATA_FILE, "gone.txt");
        refused(() -> Corpus.read(folder), Code.DATA_FILE, "no such text file");
    }

    private static void refused(String name, String content, Code code, String words) {
        refused(() -> Corpus.of(name, TinyTokenizer.utf8(content)), code, words);
    }

    private static void refused(ThrowingCallable call, Code code, String words) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        TextException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(words);
    }
}
