package dev.lowrank.evaluate.task;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/// How an answer is compared with the right one.
///
/// @param ignored what is removed from both, one pattern after the other
/// @param ignoreCase whether case does not count
/// @param numeric whether numbers are compared by value, so that 7 is 7.0
public record AnswerMatch(List<Pattern> ignored, boolean ignoreCase, boolean numeric) {
    static final AnswerMatch EXACT = new AnswerMatch(List.of(), false, false);

    public AnswerMatch {
        ignored = List.copyOf(ignored);
    }

    boolean matches(String answer, String target) {
        var a = reduced(answer);
        var b = reduced(target);
        return a.equals(b) || (numeric && equalNumbers(a, b));
    }

    private String reduced(String text) {
        var result = text;
        for (var pattern : ignored) {
            result = pattern.matcher(result).replaceAll("");
        }
        return ignoreCase ? result.toLowerCase(Locale.ROOT) : result;
    }

    private static boolean equalNumbers(String a, String b) {
        try {
            return Double.parseDouble(a) == Double.parseDouble(b);
        } catch (NumberFormatException _) {
            return false;
        }
    }
}
