package dev.lowrank.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Python's string operations.
final class Words {
    private Words() {}

    /// @param letters what to take away, null for white space
    static String strip(String text, @Nullable String letters, boolean left, boolean right) {
        var start = 0;
        var end = text.length();
        while (left && start < end && strips(text.charAt(start), letters)) {
            start++;
        }
        while (right && end > start && strips(text.charAt(end - 1), letters)) {
            end--;
        }
        return text.substring(start, end);
    }

    private static boolean strips(char c, @Nullable String letters) {
        return letters == null ? isSpace(c) : letters.indexOf(c) >= 0;
    }

    /// White space as Python counts it: Java's, and the spaces that do not break, and next line.
    static boolean isSpace(int c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        var first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(Locale.ROOT)
                + text.substring(first).toLowerCase(Locale.ROOT);
    }

    /// The filter's rule: every word after a space, dash or opening bracket is capitalised.
    static String titleWords(String text) {
        var out = new StringBuilder();
        var begins = true;
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            out.append(begins ? Character.toUpperCase(c) : Character.toLowerCase(c));
            begins = isSpace(c) || "-({[<".indexOf(c) >= 0;
        }
        return out.toString();
    }

    /// The method's rule: every run of letters begins with a capital.
    static String title(String text) {
        var out = new StringBuilder();
        var inWord = false;
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            out.append(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c) || Character.isSurrogate(c);
        }
        return out.toString();
    }

    /// @param count how many are replaced at most, negative for all
    static String replace(String text, String old, String with, long count, Budget budget) {
        var out = new StringBuilder();
        var at = 0;
        for (var done = 0L; done != count; done++) {
            budget.step();
            var found = old.isEmpty() ? (done == 0 ? 0 : at + 1) : text.indexOf(old, at);
            if (found < 0 || found > text.length()) {
                break;
            }
            out.append(text, at, found).append(with);
            budget.output(out.length());
            at = found + old.length();
        }
        return out.append(text, at, text.length()).toString();
    }

    /// @param separator null for runs of white space
    /// @param count how many cuts at most, negative for all
    static List<String> split(String text, @Nullable String separator, long count, Budget budget) {
        var parts = new ArrayList<String>();
        var at = separator == null ? skip(text, 0) : 0;
        while (parts.size() != count && at <= text.length()) {
            budget.step();
            var end = separator == null ? word(text, at) : text.indexOf(separator, at);
            if (end < 0 || (separator == null && end == text.length())) {
                break;
            }
            parts.add(text.substring(at, end));
            at = separator == null ? skip(text, end) : end + separator.length();
        }
        if (separator != null || at < text.length()) {
            parts.add(text.substring(at));
        }
        return parts;
    }

    /// The same from the right.
    static List<String> splitRight(String text, @Nullable String separator, long count, Budget budget) {
        if (count < 0) {
            return split(text, separator, count, budget);
        }
        var parts = new ArrayList<String>();
        var end = separator == null ? strip(text, null, false, true).length() : text.length();
        while (parts.size() < count && end > 0) {
            budget.step();
            var cut = separator == null ? gapBefore(text, end) : text.lastIndexOf(separator, end - separator.length());
            if (cut < 0) {
                break;
            }
            parts.addFirst(text.substring(cut + (separator == null ? 1 : separator.length()), end));
            end = separator == null
                    ? strip(text.substring(0, cut), null, false, true).length()
                    : cut;
        }
        if (separator != null || end > 0) {
            parts.addFirst(text.substring(0, end));
        }
        return parts;
    }

    private static int gapBefore(String text, int end) {
        var at = end - 1;
        while (at >= 0 && !isSpace(text.charAt(at))) {
            at--;
        }
        return at;
    }

    private static int skip(String text, int from) {
        var at = from;
        while (at < text.length() && isSpace(text.charAt(at))) {
            at++;
        }
        return at;
    }

    private static int word(String text, int from) {
        var at = from;
        while (at < text.length() && !isSpace(text.charAt(at))) {
            at++;
        }
        return at;
    }
}
