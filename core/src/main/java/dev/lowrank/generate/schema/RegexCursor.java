package dev.lowrank.generate.schema;

import dev.lowrank.generate.schema.RegexParser.UnsupportedException;

/// A pattern and the place up to which it was read.
final class RegexCursor {
    private final String pattern;
    private int at;

    RegexCursor(String pattern) {
        this.pattern = pattern;
    }

    boolean isAtEnd() {
        return at >= pattern.length();
    }

    /// Whether something comes next, which is not read.
    boolean sees(String text) {
        return pattern.startsWith(text, at);
    }

    /// Reads something if it comes next.
    boolean take(String text) {
        var seen = sees(text);
        at += seen ? text.length() : 0;
        return seen;
    }

    /// Reads a letter; not at the end.
    int next() {
        var letter = pattern.codePointAt(at);
        at += Character.charCount(letter);
        return letter;
    }

    /// The letter that comes next; not at the end.
    int peek() {
        return pattern.codePointAt(at);
    }

    /// Whether a decimal digit comes next.
    boolean seesDigit() {
        return !isAtEnd() && peek() >= '0' && peek() <= '9';
    }

    /// Reads up to a letter and the letter.
    ///
    /// @param what is missing where there is no such letter
    String until(char end, String what) {
        var place = pattern.indexOf(end, at);
        if (place < 0) {
            throw fault(what);
        }
        var text = pattern.substring(at, place);
        at = place + 1;
        return text;
    }

    UnsupportedException fault(String what) {
        return new UnsupportedException("has " + what + " before letter " + at + ", which is not supported");
    }
}
