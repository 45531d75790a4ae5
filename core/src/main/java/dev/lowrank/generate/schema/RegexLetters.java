package dev.lowrank.generate.schema;

import java.util.Map;

/// Reads the letters and classes of letters of a pattern.
final class RegexLetters {
    private static final Map<Integer, Integer> CONTROLS =
            Map.of((int) 't', 0x09, (int) 'n', 0x0a, (int) 'v', 0x0b, (int) 'f', 0x0c, (int) 'r', 0x0d);

    private final RegexCursor cursor;

    RegexLetters(RegexCursor cursor) {
        this.cursor = cursor;
    }

    /// One letter.
    CodePoints single(int letter) {
        if (letter >= Character.MIN_SURROGATE && letter <= Character.MAX_SURROGATE) {
            throw cursor.fault("half a surrogate pair");
        }
        return CodePoints.range(letter, letter);
    }

    /// What stands after a `[`, its `]` included.
    CodePoints bracketed() {
        var negated = cursor.take("^");
        var set = CodePoints.NONE;
        while (!cursor.take("]")) {
            var first = bracketedLetter();
            if (cursor.sees("-") && !cursor.sees("-]")) {
                cursor.take("-");
                set = set.or(range(one(first), one(bracketedLetter())));
            } else {
                set = set.or(first);
            }
        }
        return negated ? set.complement() : set;
    }

    private CodePoints range(int first, int last) {
        if (first > last) {
            throw cursor.fault("a range that runs backwards");
        }
        return CodePoints.range(first, last);
    }

    private int one(CodePoints set) {
        var ranges = set.ranges();
        if (ranges.size() != 1 || ranges.getFirst().first() != ranges.getFirst().last()) {
            throw cursor.fault("a range whose end is a class");
        }
        return ranges.getFirst().first();
    }

    private CodePoints bracketedLetter() {
        if (cursor.isAtEnd()) {
            throw cursor.fault("a '[' without its ']'");
        }
        // In brackets it is the backspace, outside of them a word boundary.
        if (cursor.take("\\b")) {
            return CodePoints.range(0x08, 0x08);
        }
        return cursor.take("\\") ? escaped() : single(cursor.next());
    }

    /// What stands after a `\`.
    CodePoints escaped() {
        if (cursor.isAtEnd()) {
            throw cursor.fault("a '\\' at the end");
        }
        var letter = cursor.next();
        return switch (letter) {
            case 'd' -> CodePoints.DIGITS;
            case 'D' -> CodePoints.DIGITS.complement();
            case 'w' -> CodePoints.WORD;
            case 'W' -> CodePoints.WORD.complement();
            case 's' -> CodePoints.SPACES;
            case 'S' -> CodePoints.ANY_SPACES.complement();
            case 'x' -> single(hexadecimal(2));
            case 'u' -> single(cursor.take("{") ? braced() : hexadecimal(4));
            case 't', 'n', 'v', 'f', 'r' -> single(CONTROLS.getOrDefault(letter, 0));
            case 'p', 'P' -> category(letter == 'P');
            default -> itself(letter);
        };
    }

    private CodePoints itself(int letter) {
        if (letter == '0' && !cursor.seesDigit()) {
            return CodePoints.range(0, 0);
        }
        if (Character.isDigit(letter) || letter == 'k') {
            throw cursor.fault("a back reference");
        }
        if (letter == 'b' || letter == 'B') {
            throw cursor.fault("a word boundary");
        }
        if (Character.isLetter(letter) || letter > 0x7f) {
            throw cursor.fault("the escape \\" + Character.toString(letter));
        }
        return CodePoints.range(letter, letter);
    }

    private CodePoints category(boolean negated) {
        if (!cursor.take("{")) {
            throw cursor.fault("a \\p without its {class}");
        }
        var name = cursor.until('}', "a \\p without its {class}");
        var types = GeneralCategories.named(name);
        if (types.isEmpty()) {
            throw cursor.fault("the class \\p{" + name + "}; general categories such as L or Lu are read");
        }
        var set = CodePoints.where(letter -> types.get(Character.getType(letter)));
        return negated ? set.complement() : set;
    }

    private int braced() {
        var digits = cursor.until('}', "a \\u{ without its }");
        if (!digits.matches("[0-9a-fA-F]{1,6}") || Integer.parseInt(digits, 16) > Character.MAX_CODE_POINT) {
            throw cursor.fault("a \\u{ without a letter of Unicode");
        }
        return Integer.parseInt(digits, 16);
    }

    private int hexadecimal(int digits) {
        var value = 0;
        for (var i = 0; i < digits; i++) {
            var digit = cursor.isAtEnd() ? -1 : Character.digit(cursor.next(), 16);
            if (digit < 0) {
                throw cursor.fault("an escape without its " + digits + " hexadecimal digits");
            }
            value = value * 16 + digit;
        }
        return value;
    }
}
