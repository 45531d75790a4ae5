package dev.lowrank.evaluate.task;

import java.util.ArrayList;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/// Finds the answer in what a model wrote.
///
/// @param name of the filter, part of the metric's name
/// @param pattern what the answer looks like; its groups, where it has some, are the answer
/// @param last whether the last match counts, instead of the first
public record AnswerFilter(String name, Pattern pattern, boolean last) {
    /// What stands for an answer that was not found.
    static final String NONE = "[invalid]";

    /// @return the answer without spaces around it, or `[invalid]`
    String apply(String response) {
        var found = new ArrayList<String>();
        var matcher = pattern.matcher(response);
        while (matcher.find()) {
            found.add(answer(matcher.toMatchResult()));
            if (!last) {
                break;
            }
        }
        return found.isEmpty() ? NONE : found.getLast().strip();
    }

    /// The first group that is not empty, or the whole match where there are no groups.
    private static String answer(MatchResult match) {
        if (match.groupCount() == 0) {
            return match.group();
        }
        for (var i = 1; i <= match.groupCount(); i++) {
            var group = match.group(i);
            if (group != null && (!group.isEmpty() || match.groupCount() == 1)) {
                return group;
            }
        }
        return NONE;
    }
}
