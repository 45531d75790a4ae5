package dev.lowrank.generate.schema;

import dev.lowrank.generate.schema.NfaBuilder.Where;
import java.util.ArrayList;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads the regular part of ECMA-262 patterns: what can be matched in one pass without going back. What
/// dialects disagree about (`.`, `\s`) is read as the letters that all of them agree on.
final class RegexParser {
    private static final int MOST_LETTERS = 4096;
    private static final int MOST_DEPTH = 100;
    private static final int MOST_REPEATS = 1000;
    private static final Map<Character, Integer> CONTROLS =
            Map.of('t', 0x09, 'n', 0x0a, 'v', 0x0b, 'f', 0x0c, 'r', 0x0d);

    private final String pattern;
    private int at;
    private int depth;

    private RegexParser(String pattern) {
        this.pattern = pattern;
    }

    /// @throws UnsupportedException if it is broken, or more than regular
    static Regex parse(String pattern) {
        if (pattern.length() > MOST_LETTERS) {
            throw new UnsupportedException(
                    "a pattern of " + pattern.length() + " letters; at most " + MOST_LETTERS + " are read");
        }
        var parser = new RegexParser(pattern);
        var regex = parser.choice();
        if (parser.at < pattern.length()) {
            throw parser.fault("an unmatched ')'");
        }
        return regex;
    }

    private Regex choice() {
        var branches = new ArrayList<Regex>();
        branches.add(sequence());
        while (take("|")) {
            branches.add(sequence());
        }
        return branches.size() == 1 ? branches.getFirst() : new Regex.Choice(branches);
    }

    private Regex sequence() {
        var parts = new ArrayList<Regex>();
        while (at < pattern.length() && peek() != '|' && peek() != ')') {
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
            throw fault("a repeated anchor");
        }
        // A lazy quantifier finds the same texts.
        if (!take("?") && at < pattern.length() && peek() == '+') {
            throw fault("a possessive quantifier");
        }
        if (quantifier() != null) {
            throw fault("a quantifier after a quantifier");
        }
        return new Regex.Repeat(atom, counts[0], counts[1]);
    }

    private int @Nullable [] quantifier() {
        if (take("*")) {
            return new int[] {0, -1};
        }
        if (take("+")) {
            return new int[] {1, -1};
        }
        if (take("?")) {
            return new int[] {0, 1};
        }
        return take("{") ? counts() : null;
    }

    private int[] counts() {
        var least = number();
        var most = least;
        if (take(",")) {
            most = at < pattern.length() && peek() == '}' ? -1 : number();
        }
        if (!take("}")) {
            throw fault("a '{' that begins no repetition; write \\{ for the letter");
        }
        if (most >= 0 && most < least) {
            throw fault("a repetition from " + least + " to " + most);
        }
        return new int[] {least, most};
    }

    private int number() {
        var value = 0;
        var start = at;
        while (at < pattern.length() && Character.digit(peek(), 10) >= 0 && at - start < 5) {
            value = value * 10 + Character.digit(pattern.charAt(at++), 10);
        }
        if (at == start) {
            throw fault("a '{' that begins no repetition; write \\{ for the letter");
        }
        if (value > MOST_REPEATS) {
            throw fault("a repetition of more than " + MOST_REPEATS);
        }
        return value;
    }

    private Regex atom() {
        var letter = pattern.codePointAt(at);
        return switch (letter) {
            case '(' -> group();
            case '[' -> {
                at++;
                yield new Regex.Letters(letters());
            }
            case '.' -> {
                at++;
                yield new Regex.Letters(CodePoints.LINE_ENDS.complement());
            }
            case '^' -> anchor(Where.AT_START);
            case '$' -> anchor(Where.AT_END);
            case '\\' -> new Regex.Letters(escape(false));
            case '*', '+', '?', '{' -> throw fault("a quantifier with nothing to repeat");
            default -> {
                at += Character.charCount(letter);
                yield new Regex.Letters(single(letter));
            }
        };
    }

    private CodePoints single(int letter) {
        if (letter >= Character.MIN_SURROGATE && letter <= Character.MAX_SURROGATE) {
            throw fault("half a surrogate pair");
        }
        return CodePoints.range(letter, letter);
    }

    private Regex anchor(Where where) {
        at++;
        return new Regex.Anchor(where);
    }

    private Regex group() {
        at++;
        if (++depth > MOST_DEPTH) {
            throw fault("groups more than " + MOST_DEPTH + " deep");
        }
        if (take("?")) {
            groupKind();
        }
        var inner = choice();
        if (!take(")")) {
            throw fault("a '(' without its ')'");
        }
        depth--;
        return inner;
    }

    private void groupKind() {
        if (take(":")) {
            return;
        }
        if (take("=") || take("!")) {
            throw fault("a lookahead");
        }
        if (take("<=") || take("<!")) {
            throw fault("a lookbehind");
        }
        var end = take("<") ? pattern.indexOf('>', at) : -1;
        if (end < 0) {
            throw fault("a group of an unknown kind");
        }
        at = end + 1;
    }

    private CodePoints letters() {
        var negated = take("^");
        var set = CodePoints.NONE;
        while (!take("]")) {
            var first = classAtom();
            if (at + 1 < pattern.length() && peek() == '-' && pattern.charAt(at + 1) != ']') {
                at++;
                var last = classAtom();
                set = set.or(CodePoints.range(one(first), one(last)));
                if (one(first) > one(last)) {
                    throw fault("a range that runs backwards");
                }
            } else {
                set = set.or(first);
            }
        }
        return negated ? set.complement() : set;
    }

    private int one(CodePoints set) {
        var ranges = set.ranges();
        if (ranges.size() != 1 || ranges.getFirst().first() != ranges.getFirst().last()) {
            throw fault("a range whose end is a class");
        }
        return ranges.getFirst().first();
    }

    private CodePoints classAtom() {
        if (at >= pattern.length()) {
            throw fault("a '[' without its ']'");
        }
        if (peek() == '\\') {
            return escape(true);
        }
        var letter = pattern.codePointAt(at);
        at += Character.charCount(letter);
        return single(letter);
    }

    private CodePoints escape(boolean inClass) {
        at++;
        if (at >= pattern.length()) {
            throw fault("a '\\' at the end");
        }
        var letter = pattern.charAt(at++);
        return switch (letter) {
            case 'd' -> CodePoints.DIGITS;
            case 'D' -> CodePoints.DIGITS.complement();
            case 'w' -> CodePoints.WORD;
            case 'W' -> CodePoints.WORD.complement();
            case 's' -> CodePoints.SPACES;
            case 'S' -> CodePoints.ANY_SPACES.complement();
            case 'x' -> single(hexadecimal(2));
            case 'u' -> single(take("{") ? braced() : hexadecimal(4));
            case 't', 'n', 'v', 'f', 'r' -> single(CONTROLS.getOrDefault(letter, 0));
            case 'p', 'P' -> property(letter == 'P');
            default -> other(letter, inClass);
        };
    }

    private CodePoints other(char letter, boolean inClass) {
        if (letter == 'b' && inClass) {
            return CodePoints.range(0x08, 0x08);
        }
        if (letter == '0' && (at == pattern.length() || Character.digit(peek(), 10) < 0)) {
            return CodePoints.range(0, 0);
        }
        if (Character.isDigit(letter) || letter == 'k') {
            throw fault("a back reference");
        }
        if (letter == 'b' || letter == 'B') {
            throw fault("a word boundary");
        }
        if (Character.isLetter(letter) || letter > 0x7f) {
            throw fault("the escape \\" + letter);
        }
        return CodePoints.range(letter, letter);
    }

    private CodePoints property(boolean negated) {
        var end = take("{") ? pattern.indexOf('}', at) : -1;
        if (end < 0) {
            throw fault("a \\p without its {class}");
        }
        var name = pattern.substring(at, end);
        at = end + 1;
        var types = GeneralCategories.named(name);
        if (types.isEmpty()) {
            throw fault("the class \\p{" + name + "}; general categories such as L or Lu are read");
        }
        var set = CodePoints.where(letter -> types.get(Character.getType(letter)));
        return negated ? set.complement() : set;
    }

    private int braced() {
        var end = pattern.indexOf('}', at);
        if (end < 0 || end == at || end - at > 6) {
            throw fault("a \\u{ without its number");
        }
        var value = hexadecimal(end - at);
        at++;
        if (value > Character.MAX_CODE_POINT) {
            throw fault("a letter beyond Unicode");
        }
        return value;
    }

    private int hexadecimal(int digits) {
        var value = 0;
        for (var i = 0; i < digits; i++) {
            var digit = at < pattern.length() ? Character.digit(pattern.charAt(at++), 16) : -1;
            if (digit < 0) {
                throw fault("an escape without its " + digits + " hexadecimal digits");
            }
            value = value * 16 + digit;
        }
        return value;
    }

    private char peek() {
        return pattern.charAt(at);
    }

    private boolean take(String text) {
        if (pattern.startsWith(text, at)) {
            at += text.length();
            return true;
        }
        return false;
    }

    private UnsupportedException fault(String what) {
        return new UnsupportedException("has " + what + " before letter " + at + ", which is not supported");
    }

    /// Says what cannot be read; the caller knows where the pattern stands.
    static final class UnsupportedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        UnsupportedException(String what) {
            super(what);
        }
    }
}
