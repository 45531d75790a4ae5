package dev.lowrank.text.jinja;

/// A piece of template source.
///
/// @param kind what it is
/// @param text its text; for a string literal the value that it stands for
/// @param line where it begins, from 1
record Token(Kind kind, String text, int line) {
    enum Kind {
        DATA,
        VARIABLE_BEGIN,
        VARIABLE_END,
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Kind expected, String expectedText) {
        return kind == expected && text.equals(expectedText);
    }
}
