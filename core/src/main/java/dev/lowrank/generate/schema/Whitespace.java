package dev.lowrank.generate.schema;

/// The space between two parts of a value: nothing, one space, or a line break and an indentation. Without
/// such a bound a weak model writes spaces until it is cut off.
final class Whitespace {
    static final int NONE = 0;
    static final int REFUSED = -1;

    private static final int SPACE = 1;
    private static final int LINE = 2;
    private static final int DEEPEST = 64;

    private Whitespace() {}

    /// What follows a byte, or [#REFUSED].
    static int next(int before, int value) {
        if (before == NONE) {
            return value == ' ' ? SPACE : value == '\n' ? LINE : REFUSED;
        }
        return before >= LINE && before < LINE + DEEPEST && (value == ' ' || value == '\t') ? before + 1 : REFUSED;
    }
}
