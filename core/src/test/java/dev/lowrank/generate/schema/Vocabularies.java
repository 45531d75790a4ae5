package dev.lowrank.generate.schema;

import dev.lowrank.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Vocabularies for tests.
final class Vocabularies {
    private Vocabularies() {}

    /// The pocket model's tokenizer.
    static Tokenizer pocket() {
        return Tokenizer.open(Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket"));
    }

    /// Every byte, and tokens that run over the ends of values.
    static TokenTree bytesAnd(String... tokens) {
        var all = new ArrayList<byte[]>();
        for (var value = 0; value < 256; value++) {
            all.add(new byte[] {(byte) value});
        }
        List.of(tokens).forEach(token -> all.add(token.getBytes(StandardCharsets.UTF_8)));
        return TokenTree.of(all.toArray(byte[][]::new));
    }

    static TokenTree tricky() {
        return bytesAnd(
                "{\"",
                "\":",
                "\": ",
                "\",",
                "\", \"",
                "\"}",
                "\"}}",
                "\"]",
                "[[",
                "[{\"",
                "]]",
                "}]",
                "},{\"",
                "},\n",
                "1,",
                ",\"",
                "12",
                "0.",
                "e1",
                "true",
                "true}",
                "false,",
                "null",
                "ull",
                "\\u",
                "\\ud8",
                "00",
                "\\\"",
                "\\\\",
                "é",
                "\u20ac\"",
                "name",
                "name\":",
                "{\"name\":",
                "tag\":\"a",
                "kind",
                "  ",
                "\n  ",
                ":{\"",
                "a",
                "a\",\"b",
                "-0",
                "-1",
                "\":\"",
                "\"\"",
                "{}",
                "[]",
                "[1,",
                "2026-",
                "T1",
                "Z\"",
                "ab",
                "abc",
                "aaaa",
                "bb\"");
    }
}
