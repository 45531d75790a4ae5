package dev.lowrank.generate.schema;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Optional;
import java.util.SplittableRandom;

/// A model without sense: any token that is allowed, and after some tokens those that end things.
final class RandomText {
    private static final int MOST_TOKENS = 2000;

    private final TokenTree tree;
    private final SplittableRandom random;
    private final BitSet allowed = new BitSet();

    RandomText(TokenTree tree, long seed) {
        this.tree = tree;
        random = new SplittableRandom(seed);
    }

    /// @param playful tokens that are drawn without regard to the end
    /// @throws AssertionError if the text finds no end
    String write(Grammar grammar, int playful) {
        return attempt(grammar, playful).orElseThrow(() -> new AssertionError("No end"));
    }

    /// The same, empty if the text finds no end: a name that must come is not found by chance.
    Optional<String> attempt(Grammar grammar, int playful) {
        var text = grammar.start();
        var bytes = new ByteArrayOutputStream();
        for (var count = 0; count < MOST_TOKENS; count++) {
            text.allowed(allowed);
            var mayEnd = text.complete();
            if (mayEnd && (allowed.isEmpty() || count >= playful || random.nextInt(8) == 0)) {
                return Optional.of(bytes.toString(StandardCharsets.UTF_8));
            }
            if (allowed.isEmpty()) {
                throw new AssertionError("Nothing may follow '" + bytes.toString(StandardCharsets.UTF_8) + "'");
            }
            var token = count < playful ? drawn() : ending();
            bytes.writeBytes(tree.bytes(token));
            text.accept(token);
        }
        return Optional.empty();
    }

    private int drawn() {
        var token = allowed.nextSetBit(random.nextInt(allowed.length()));
        return token < 0 ? allowed.nextSetBit(0) : token;
    }

    private int ending() {
        // Where nearly everything may come it is a string, in which brackets are letters.
        var first = allowed.cardinality() > 100 ? "\"" : "}]";
        for (var letters : new String[] {first, "\""}) {
            for (var token = allowed.nextSetBit(0); token >= 0; token = allowed.nextSetBit(token + 1)) {
                var bytes = tree.bytes(token);
                if (bytes.length == 1 && letters.indexOf(bytes[0]) >= 0 && random.nextInt(20) > 0) {
                    return token;
                }
            }
        }
        return drawn();
    }
}
