package dev.lowrank.generate.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.GgufTokenizers;
import dev.lowrank.text.GgufVocabulary;
import dev.lowrank.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// A vocabulary of SentencePiece: words that begin with a space, bytes by name, and a decoder that drops
/// the first space.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SentencePieceTest {
    private static final int NORMAL = 1;
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int BYTE = 6;

    private Tokenizer tokenizer;

    @BeforeAll
    void open() {
        var tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        var types = new ArrayList<>(List.of(UNKNOWN, CONTROL, CONTROL));
        for (var value = 0; value < 256; value++) {
            tokens.add(String.format(Locale.ROOT, "<0x%02X>", value));
            types.add(BYTE);
        }
        for (var word :
                List.of("\u2581", "\u2581{", "{", "\u2581a", "a", "\u2581\"", "\":", "\u20ac", "b", "\u2581b")) {
            tokens.add(word);
            types.add(NORMAL);
        }
        tokenizer = Tokenizer.ofFiles(GgufTokenizers.toHuggingFace(new GgufVocabulary(
                "llama",
                "default",
                tokens,
                new float[tokens.size()],
                types.stream().mapToInt(Integer::intValue).toArray(),
                List.of(),
                1,
                2,
                0,
                -1,
                true,
                null)));
    }

    @AfterAll
    void close() {
        tokenizer.close();
    }

    /// Writes at random, and decodes what was chosen as a generator does.
    private String decoded(Grammar grammar, TokenTree tree, int seed) {
        var random = new java.util.SplittableRandom(seed);
        var text = grammar.start();
        var allowed = new java.util.BitSet();
        var stream = tokenizer.stream();
        var written = new StringBuilder();
        while (!text.complete()) {
            text.allowed(allowed);
            var token = allowed.nextSetBit(random.nextInt(allowed.length()));
            assertThat(tree.bytes(token)).isNotEmpty();
            text.accept(token);
            written.append(stream.accept(token));
        }
        return written.append(stream.finish()).toString();
    }

    @Test
    void whatIsDecodedFollowsTheGrammar() {
        var tree = TokenTree.of(tokenizer);
        var object = Grammar.ofSchema("{\"enum\":[{\"a\":\"b \u20ac\"},[\" a\"]]}", tree);
        var pattern = Grammar.ofPattern("(a| b)\u20ac ?a", tree);
        for (var seed = 0; seed < 40; seed++) {
            assertThat(object.accepts(decoded(object, tree, seed))).isTrue();
            assertThat(decoded(pattern, tree, seed)).matches("a\u20ac ?a");
        }
        // A space that would come first never arrives.
        assertThatThrownBy(() -> Grammar.ofPattern(" b", tree)).isInstanceOf(SchemaException.class);
    }
}
