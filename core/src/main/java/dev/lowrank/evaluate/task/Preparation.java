package dev.lowrank.evaluate.task;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What a record needs before its template, where a template cannot say it.
public enum Preparation {
    /// HellaSwag as on the hub: activity and context are joined, brackets of WikiHow and double spaces go.
    HELLASWAG {
        @Override
        Map<String, @Nullable Object> apply(Map<String, @Nullable Object> record) {
            var second = String.valueOf(record.get("ctx_b"));
            var context = record.get("ctx_a") + " " + capitalized(second);
            Map<String, @Nullable Object> prepared = new HashMap<>(record);
            prepared.put("query", cleaned(record.get("activity_label") + ": " + context));
            if (record.get("endings") instanceof List<?> endings) {
                prepared.put(
                        "choices",
                        endings.stream()
                                .map(String::valueOf)
                                .map(HELLASWAG::cleaned)
                                .toList());
            }
            prepared.put("gold", record.get("label"));
            return prepared;
        }
    };

    private static final Pattern BRACKETS = Pattern.compile("\\[.*?]");

    abstract Map<String, @Nullable Object> apply(Map<String, @Nullable Object> record);

    String cleaned(String text) {
        var stripped = text.strip().replace(" [title]", ". ");
        return BRACKETS.matcher(stripped).replaceAll("").replace("  ", " ");
    }

    /// The first letter upper, all others lower case, as Python capitalises.
    private static String capitalized(String text) {
        if (text.isEmpty()) {
            return text;
        }
        var first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(Locale.ROOT)
                + text.substring(first).toLowerCase(Locale.ROOT);
    }
}
