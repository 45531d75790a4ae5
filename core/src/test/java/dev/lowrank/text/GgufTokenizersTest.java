package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.TextException.Code;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufTokenizersTest {
    @ParameterizedTest
    @CsvSource({
        "gpt-2, gpt-2",
        "default, gpt-2",
        "smollm, smollm",
        "starcoder, smollm",
        "llama-bpe, llama-bpe",
        "llama3, llama-bpe",
        "qwen2, qwen2",
        "tekken, tekken"
    })
    void eachPreRuleGivesTheIdsOfTheReference(String pre, String rule) {
        var golden = Golden.read("pre_rules.json");
        var strings = Golden.strings(golden.get("strings"));
        try (var tokenizer = Tokenizer.ofFiles(GgufTokenizers.toHuggingFace(TinyTokenizer.vocabulary(pre)))) {
            for (var i = 0; i < strings.size(); i++) {
                assertThat(tokenizer.encode(strings.get(i)))
                        .as(strings.get(i))
                        .isEqualTo(Golden.ids(golden.get("ids").get(rule).get(i)));
            }
        }
    }

    @Test
    void aTokenizerMadeAtOnceIsTheOneOfItsFiles() {
        var v = TinyTokenizer.vocabulary("gpt-2");
        try (var direct = Tokenizer.of(v);
                var read = Tokenizer.ofFiles(GgufTokenizers.toHuggingFace(v))) {
            assertThat(direct.difference(read)).isEmpty();
            assertThat(direct.bos()).isEqualTo(read.bos());
            assertThat(direct.endOfText()).isEqualTo(read.endOfText());
            assertThat(direct.encodeWithSpecials("a cat <|end|> said"))
                    .containsExactly(read.encodeWithSpecials("a cat <|end|> said"));
            direct.files()
                    .forEach((name, bytes) ->
                            assertThat(bytes).isEqualTo(read.files().get(name)));
        }
    }

    @Test
    void theRulesAreNotAllTheSame() {
        var ids = Golden.read("pre_rules.json").get("ids");
        assertThat(List.of(
                        ids.get("gpt-2"), ids.get("smollm"), ids.get("llama-bpe"), ids.get("qwen2"), ids.get("tekken")))
                .doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @ValueSource(strings = {"falcon", "deepseek-llm", "", "Smollm"})
    void anUnknownPreRuleIsRefusedByName(String pre) {
        refused(() -> GgufTokenizers.toHuggingFace(TinyTokenizer.vocabulary(pre)), Code.TOK_REGEX, "'" + pre + "'");
    }

    @Test
    void anUnknownKindIsRefusedByName() {
        var v = TinyTokenizer.vocabulary("gpt-2");
        refused(
                () -> GgufTokenizers.toHuggingFace(with(v, "t5", v.tokens(), v.merges(), v.bos())),
                Code.TOK_FORMAT,
                "'t5'");
    }

    @Test
    void aTokenGivenTwiceIsRefused() {
        var v = TinyTokenizer.vocabulary("gpt-2");
        var tokens = new ArrayList<>(v.tokens());
        tokens.set(300, tokens.get(5));
        refused(
                () -> GgufTokenizers.toHuggingFace(with(v, "gpt2", tokens, v.merges(), v.bos())),
                Code.TOK_VOCAB,
                "ids 5 and 300");
    }

    @Test
    void aMergeIntoNoTokenIsRefused() {
        var v = TinyTokenizer.vocabulary("gpt-2");
        refused(
                () -> GgufTokenizers.toHuggingFace(with(v, "gpt2", v.tokens(), List.of("a zzzz"), v.bos())),
                Code.TOK_MERGE,
                "'a zzzz'");
        refused(
                () -> GgufTokenizers.toHuggingFace(with(v, "gpt2", v.tokens(), List.of("nospace"), v.bos())),
                Code.TOK_MERGE,
                "'nospace'");
    }

    @Test
    void anIdOutsideTheVocabularyIsRefused() {
        var v = TinyTokenizer.vocabulary("gpt-2");
        refused(
                () -> GgufTokenizers.toHuggingFace(
                        with(v, "gpt2", v.tokens(), v.merges(), v.tokens().size())),
                Code.TOK_VOCAB,
                "bos");
        refused(() -> GgufTokenizers.toHuggingFace(with(v, "gpt2", v.tokens(), v.merges(), -2)), Code.TOK_VOCAB, "bos");
    }

    @Test
    void aVocabularyWithoutALetterIsRefused() {
        var v = TinyTokenizer.vocabulary("gpt-2");
        var tokens = new ArrayList<>(v.tokens());
        tokens.set(tokens.indexOf("q"), "qqqqqq");
        refused(
                () -> GgufTokenizers.toHuggingFace(with(v, "gpt2", tokens, List.of(), v.bos())),
                Code.TOK_VOCAB,
                "0x71");
    }

    @Test
    void aSentencePieceVocabularyNeedsItsBytesAndScores() {
        var v = TinyTokenizer.vocabulary("gpt-2");
        refused(
                () -> GgufTokenizers.toHuggingFace(with(v, "llama", v.tokens(), List.of(), v.bos())),
                Code.TOK_FORMAT,
                "scores");
        refused(
                () -> GgufTokenizers.toHuggingFace(with(v, "llama", v.tokens(), v.merges(), v.bos())),
                Code.TOK_VOCAB,
                "<0x00>");
    }

    @Test
    void theFirstTokenIsAddedOnlyWhenAsked() {
        try (var tokenizer = TinyTokenizer.open()) {
            assertThat(tokenizer.addsBos()).isTrue();
            assertThat(tokenizer.encodeWithSpecials("Hi"))
                    .startsWith(tokenizer.bos().getAsInt())
                    .endsWith(tokenizer.encode("Hi"));
            assertThat(tokenizer.encode("Hi")).doesNotContain(tokenizer.bos().getAsInt());
        }
    }

    private static void refused(ThrowingCallable call, Code code, String words) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        TextException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(words);
    }

    private static GgufVocabulary with(
            GgufVocabulary v, String model, List<String> tokens, List<String> merges, int bos) {
        return new GgufVocabulary(
                model, v.pre(), tokens, v.scores(), v.types(), merges, bos, v.eos(), -1, -1, true, v.chatTemplate());
    }
}
