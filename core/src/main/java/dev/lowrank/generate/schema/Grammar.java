package dev.lowrank.generate.schema;

import dev.lowrank.generate.TokenConstraint;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// A form of text, made ready for one vocabulary: compiled once, it constrains any number of texts, in
/// several threads.
///
/// A text that follows it is JSON that the schema allows, written compactly or with one space or a line
/// break and an indentation between parts; it never ends inside a letter, and from every point of it the
/// end can be reached. Not every JSON text of the schema can come: numbers have at most 20 digits, values
/// are at most [#MOST_LEVELS] deep, a property that an object with `properties` does not name comes only
/// where the schema says `additionalProperties`.
public final class Grammar {
    /// Levels of lists and objects in a generated value.
    public static final int MOST_LEVELS = 64;

    private final TokenTree tokens;
    private final TokenMasks masks;
    private final Position start;

    private Grammar(TokenTree tokens, Position start) {
        this.tokens = tokens;
        this.start = start;
        masks = new TokenMasks(tokens);
    }

    /// The texts that a JSON schema (draft 2020-12) allows.
    ///
    /// @throws SchemaException if it is broken, has a part that is not supported, or allows nothing
    public static Grammar ofSchema(JsonNode schema, TokenTree tokens) {
        return of(SchemaReader.read(schema, tokens), tokens);
    }

    /// The same from the schema's text.
    ///
    /// @throws SchemaException as [#ofSchema(JsonNode,TokenTree)], and if it is no JSON
    public static Grammar ofSchema(String schema, TokenTree tokens) {
        return ofSchema(SchemaText.parse(schema), tokens);
    }

    /// Any JSON object.
    public static Grammar ofAnyObject(TokenTree tokens) {
        return ofSchema("{\"type\":\"object\"}", tokens);
    }

    /// The texts that a regular expression matches as a whole; plain text, not JSON.
    ///
    /// @throws SchemaException if it is more than regular, or matches nothing
    public static Grammar ofPattern(String pattern, TokenTree tokens) {
        try {
            var automaton = Regex.automaton(RegexParser.parse(pattern), false, Spelling.PLAIN, tokens.alphabet());
            if (tokens.firstSpaceLost()) {
                automaton = automaton.notBeginningWith(' ');
            }
            var value = new Value();
            value.is(List.of(Scalar.of(automaton)));
            value.lower();
            return of(value, tokens);
        } catch (RegexParser.UnsupportedException | Automaton.TooLargeException fault) {
            throw new SchemaException("pattern", "#", String.valueOf(fault.getMessage()));
        }
    }

    private static Grammar of(Value value, TokenTree tokens) {
        if (!value.fits(MOST_LEVELS)) {
            throw new SchemaException(
                    "meaning", "#", "no text of the vocabulary with at most " + MOST_LEVELS + " levels follows it");
        }
        var kernel = new ArrayList<Stack>();
        value.begin(MOST_LEVELS).forEach(frame -> kernel.add(new Stack(frame, null)));
        return new Grammar(tokens, Position.of(kernel));
    }

    /// A constraint for one text, at its beginning.
    public TokenConstraint start() {
        return new Text();
    }

    /// Whether a whole text follows it.
    public boolean accepts(String text) {
        var position = start;
        for (var value : text.getBytes(StandardCharsets.UTF_8)) {
            position = position.step(value & 0xff);
        }
        return position.complete();
    }

    /// Whether a token may come next, asked of the token's bytes alone.
    static boolean allows(TokenConstraint constraint, int token) {
        var text = (Text) constraint;
        var bytes = text.bytes(token);
        return bytes.length > 0 && !text.after(bytes).isEmpty();
    }

    private final class Text implements TokenConstraint {
        private Position position = start;

        @Override
        public void allowed(BitSet into) {
            masks.allowed(position, into);
        }

        @Override
        public void accept(int token) {
            var bytes = bytes(token);
            var next = after(bytes);
            if (bytes.length == 0 || next.isEmpty()) {
                throw new IllegalArgumentException("Token " + token + " may not come here; ask allowed() before");
            }
            position = next;
        }

        private byte[] bytes(int token) {
            return tokens.bytes(token);
        }

        private Position after(byte[] bytes) {
            var next = position;
            for (var value : bytes) {
                next = next.step(value & 0xff);
            }
            return next;
        }

        @Override
        public boolean complete() {
            return position.complete();
        }
    }
}
