package dev.lowrank.generate.schema;

import dev.lowrank.generate.schema.NfaBuilder.Where;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/// Reads the regular part of ECMA-262 patterns: what can be matched in one pass without going back. What
/// dialects disagree about (`.`, `\s`) is read as the letters that all of them agree on.
final class RegexParser {
    private static final int MOST_LETTERS = 4096;
    private static final int MOST_DEPTH = 100;
    private static final int MOST_REPEATS = 1000;

    private final RegexCursor cursor;
    private final RegexLetters letters;
    private int depth;

    private RegexParser(String pattern) {
        cursor = new RegexCursor(pattern);
        letters = new RegexLetters(cursor);
    }

    /// @throws UnsupportedException if it is broken, or more than regular
    static Regex parse(String pattern) {
        if (pattern.length() > MOST_LETTERS) {
            throw new UnsupportedException(
                    "has " + pattern.length() + " letters; at most " + MOST_LETTERS + " are read");
        }
        var parser = new RegexParser(pattern);
        var regex = parser.choice();
        if (!parser.cursor.isAtEnd()) {
            throw parser.cursor.fault("an unmatched ')'");
        }
        return regex;
    }

    private Regex choice() {
        var branches = new ArrayList<Regex>();
        branches.add(sequence());
        while (cursor.take("|")) {
            branches.add(sequence());
        }
        return branches.size() == 1 ? branches.getFirst() : new Regex.Choice(branches);
    }

    private Regex sequence() {
        var parts = new ArrayList<Regex>();
        while (!cursor.isAtEnd() && !cursor.sees("|") && !cursor.sees(")")) {
            parts.add(repeated(atom()));
        }
        return parts.size() == 1 ? parts.getFirst() : new Regex.Sequence(parts);
    }

    private Regex repeated(Regex atom) {
        var counts = quantifier();
        if (counts == null) {
            return atom;
        }
        if (atom instanceof Regex.Anchor) {
            throw cursor.fault("a repeated anchor");
        }
        // A lazy quantifier finds the same texts.
        if (!cursor.take("?") && cursor.sees("+")) {
            throw cursor.fault("a possessive quantifier");
        }
        if (quantifier() != null) {
            throw cursor.fault("a quantifier after a quantifier");
        }
        return new Regex.Repeat(atom, counts[0], counts[1]);
    }

    private int @Nullable [] quantifier() {
        if (cursor.take("*")) {
            return new int[] {0, -1};
        }
        if (cursor.take("+")) {
            return new int[] {1, -1};
        }
        if (cursor.take("?")) {
            return new int[] {0, 1};
        }
        return cursor.take("{") ? counts() : null;
    }

    private int[] counts() {
        var least = number();
        var most = least;
        if (cursor.take(",")) {
            most = cursor.sees("}") ? -1 : number();
        }
        if (!cursor.take("}")) {
            throw cursor.fault("a '{' that begins no repetition; write \\{ for the letter");
        }
        if (most >= 0 && most < least) {
            throw cursor.fault("a repetition from " + least + " to " + most);
        }
        return new int[] {least, most};
    }

    private int number() {
        if (!cursor.seesDigit()) {
            throw cursor.fault("a '{' that begins no repetition; write \\{ for the letter");
        }
        var value = 0;
        while (cursor.seesDigit() && value <= MOST_REPEATS) {
            value = value * 10 + Character.digit(cursor.next(), 10);
        }
        if (value > MOST_REPEATS) {
            throw cursor.fault("a repetition of more than " + MOST_REPEATS);
        }
        return value;
    }

    private Regex atom() {
        var letter = cursor.next();
        return switch (letter) {
            case '(' -> group();
            case '[' -> new Regex.Letters(letters.bracketed());
            case '.' -> new Regex.Letters(CodePoints.LINE_ENDS.complement());
            case '^' -> new Regex.Anchor(Where.AT_START);
            case '$' -> new Regex.Anchor(Where.AT_END);
            case '\\' -> new Regex.Letters(letters.escaped());
            case '*', '+', '?', '{' -> throw cursor.fault("a quantifier with nothing to repeat");
            default -> new Regex.Letters(letters.single(letter));
        };
    }

    private Regex group() {
        if (++depth > MOST_DEPTH) {
            throw cursor.fault("groups more than " + MOST_DEPTH + " deep");
        }
        if (cursor.take("?")) {
            groupKind();
        }
        var inner = choice();
        if (!cursor.take(")")) {
            throw cursor.fault("a '(' without its ')'");
        }
        depth--;
        return inner;
    }

    private void groupKind() {
        if (cursor.take(":")) {
            return;
        }
        if (cursor.take("=") || cursor.take("!")) {
            throw cursor.fault("a lookahead");
        }
        if (cursor.take("<=") || cursor.take("<!")) {
            throw cursor.fault("a lookbehind");
        }
        if (!cursor.take("<")) {
            throw cursor.fault("a group of an unknown kind");
        }
        cursor.until('>', "a group's name without its '>'");
    }

    /// Says what cannot be read; the caller knows where the pattern stands.
    static final class UnsupportedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        UnsupportedException(String what) {
            super(what);
        }
    }
}
