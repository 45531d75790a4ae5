package dev.lowrank.checkpoint;

/// Text from elsewhere made safe to print: names in checkpoints and what programs say are anything,
/// terminal sequences included.
public final class Printable {
    private static final int LIMIT = 200;
    private static final int LINE_LIMIT = 1000;

    private Printable() {}

    /// @return `text` with control, formatting (bidi) and lone surrogate characters escaped, at most 200
    ///     characters
    static String escape(String text) {
        return escape(text, LIMIT);
    }

    /// @return a message that may quote names, escaped likewise, at most 1000 characters
    static String line(String message) {
        return escape(message, LINE_LIMIT);
    }

    /// @param limit most characters
    /// @return `text` escaped likewise, at most `limit` characters
    public static String escape(String text, int limit) {
        return escape(text, limit, Lines.ONE);
    }

    /// @param limit most characters
    /// @return `text` escaped likewise but for its line ends and tabs, at most `limit` characters
    public static String lines(String text, int limit) {
        return escape(text, limit, Lines.MANY);
    }

    private enum Lines {
        ONE,
        MANY
    }

    private static String escape(String text, int limit, Lines lines) {
        var out = new StringBuilder();
        for (var i = 0; i < text.length() && out.length() <= limit; ) {
            var point = text.codePointAt(i);
            i += Character.charCount(point);
            if (isPlain(point) || lines == Lines.MANY && (point == '\n' || point == '\t')) {
                out.appendCodePoint(point);
            } else {
                out.append(String.format("\\u%04X", point));
            }
        }
        if (out.length() > limit) {
            var end = Character.isLowSurrogate(out.charAt(limit - 1)) ? limit - 2 : limit - 1;
            return out.substring(0, end) + "…";
        }
        return out.toString();
    }

    private static boolean isPlain(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED -> false;
            default -> true;
        };
    }
}
