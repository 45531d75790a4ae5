package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.util.ArrayDeque;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Refuses the patterns of a tokenizer's normalizer and pre-tokenizer that a backtracking engine can need
/// exponential time
/// for: a repeated group that repeats or chooses inside, and back references. Published tokenizers have
/// neither.
final class SplitPatterns {
    private static final int MAX_LENGTH = 4096;

    private SplitPatterns() {}

    static void check(ObjectNode tokenizer) {
        for (var part : new String[] {"normalizer", "pre_tokenizer", "decoder"}) {
            visit(tokenizer.path(part));
        }
    }

    private static void visit(JsonNode node) {
        var pattern = node.path("pattern").path("Regex");
        if (pattern.isString() && !isSafe(pattern.stringValue())) {
            var text = pattern.stringValue();
            throw new TextException(
                    Code.TOK_REGEX,
                    TokenizerFiles.TOKENIZER,
                    "the pattern '" + text.substring(0, Math.min(200, text.length()))
                            + "' may take exponential time: it repeats a group that itself repeats or chooses, refers back, "
                            + "or is longer than " + MAX_LENGTH + " characters.");
        }
        node.forEach(SplitPatterns::visit);
    }

    static boolean isSafe(String pattern) {
        if (pattern.length() > MAX_LENGTH) {
            return false;
        }
        var groups = new ArrayDeque<boolean[]>(); // for each open group: does it repeat or choose inside
        for (var i = 0; i < pattern.length(); i++) {
            switch (pattern.charAt(i)) {
                case '\\' -> {
                    i++;
                    if (i < pattern.length()
                            && (isDigit(pattern.charAt(i)) || pattern.charAt(i) == 'k' || pattern.charAt(i) == 'g')) {
                        return false;
                    }
                }
                case '[' -> i = endOfClass(pattern, i);
                case '(' -> groups.push(new boolean[1]);
                case ')' -> {
                    var inside = !groups.isEmpty() && groups.pop()[0];
                    if (inside && repeats(pattern, i + 1)) {
                        return false;
                    }
                    if (inside && !groups.isEmpty()) {
                        groups.peek()[0] = true;
                    }
                }
                case '|', '*', '+', '{' -> {
                    if (!groups.isEmpty() && !countsExactly(pattern, i)) {
                        groups.peek()[0] = true;
                    }
                }
                default -> {}
            }
        }
        return true;
    }

    private static boolean repeats(String pattern, int at) {
        return at < pattern.length() && "*+{".indexOf(pattern.charAt(at)) >= 0;
    }

    /// @return whether a count such as `{3}` stands here, which leaves a repetition around it no choice
    private static boolean countsExactly(String pattern, int at) {
        var end = pattern.indexOf('}', at);
        return pattern.charAt(at) == '{'
                && end > 0
                && !pattern.substring(at, end).contains(",");
    }

    private static boolean isDigit(char c) {
        return c >= '1' && c <= '9';
    }

    /// Classes nest in this dialect; inside one, nothing repeats.
    private static int endOfClass(String pattern, int start) {
        var depth = 0;
        for (var i = start; i < pattern.length(); i++) {
            var c = pattern.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == '[') {
                depth++;
            } else if (c == ']' && --depth == 0) {
                return i;
            }
        }
        return pattern.length();
    }
}
