package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.TextException.Code;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VocabularyExportTest {
    private static Map<String, byte[]> edited(Map<String, byte[]> files, UnaryOperator<String> edit) {
        var copy = new LinkedHashMap<>(files);
        copy.compute(
                TokenizerFiles.TOKENIZER,
                (_, bytes) ->
                        edit.apply(new String(bytes, StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8));
        return copy;
    }

    private static GgufVocabulary export(Map<String, byte[]> files, int rows) {
        try (var tokenizer = Tokenizer.ofFiles(files)) {
            return tokenizer.toGguf(rows);
        }
    }

    private static void refused(Map<String, byte[]> files, Code code, String part) {
        assertThatThrownBy(() -> export(files, 400))
                .isInstanceOfSatisfying(
                        TextException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(part);
    }

    @ParameterizedTest
    @CsvSource({
        "gpt-2, gpt-2",
        "default, gpt-2",
        "smollm, smollm",
        "starcoder, smollm",
        "llama3, llama-bpe",
        "qwen2, qwen2",
        "tekken, tekken"
    })
    void whatComesFromGgufGoesBackAsItWas(String pre, String written) {
        var v = TinyTokenizer.vocabulary(pre);
        var back = export(GgufTokenizers.toHuggingFace(v), v.tokens().size());
        assertThat(back.model()).isEqualTo("gpt2");
        assertThat(back.pre()).isEqualTo(written);
        assertThat(back.tokens()).isEqualTo(v.tokens());
        assertThat(back.types()).containsExactly(v.types());
        assertThat(back.merges()).isEqualTo(v.merges());
        assertThat(back.scores()).isEmpty();
        assertThat(back.bos()).isEqualTo(v.bos());
        assertThat(back.eos()).isEqualTo(v.eos());
        assertThat(back.padding()).isEqualTo(v.padding());
        assertThat(back.addBos()).isEqualTo(v.addBos());
        assertThat(back.chatTemplate()).isEqualTo(v.chatTemplate());
    }

    @Test
    void rowsWithoutATokenAreUnused() {
        var v = TinyTokenizer.vocabulary("gpt-2");
        var size = v.tokens().size();
        var back = export(GgufTokenizers.toHuggingFace(v), size + 2);
        assertThat(back.tokens()).hasSize(size + 2).endsWith("[PAD" + size + "]", "[PAD" + (size + 1) + "]");
        assertThat(back.types()[size - 1]).isNotEqualTo(5);
        assertThat(back.types()[size + 1]).isEqualTo(5);
    }

    @Test
    void otherWaysToCutTextAreRefusedAndShown() {
        var files = GgufTokenizers.toHuggingFace(TinyTokenizer.vocabulary("llama3"));
        refused(edited(files, json -> json.replace("{1,3}", "{1,4}")), Code.TOK_REGEX, "{1,4}");
        refused(edited(files, json -> json.replace("Isolated", "Removed")), Code.TOK_REGEX, "Removed");
        refused(
                edited(files, json -> json.replaceAll("\"ignore_merges\"\\s*:\\s*true", "\"ignore_merges\":false")),
                Code.TOK_REGEX,
                "pre-tokenizer");
        var qwen = GgufTokenizers.toHuggingFace(TinyTokenizer.vocabulary("qwen2"));
        refused(edited(qwen, json -> json.replace("\"NFC\"", "\"NFKC\"")), Code.TOK_REGEX, "NFKC");
        var gpt2 = GgufTokenizers.toHuggingFace(TinyTokenizer.vocabulary("gpt-2"));
        refused(
                edited(
                        gpt2,
                        json -> json.replaceAll("\"add_prefix_space\"\\s*:\\s*false", "\"add_prefix_space\":true")),
                Code.TOK_REGEX,
                "add_prefix_space");
    }
}
