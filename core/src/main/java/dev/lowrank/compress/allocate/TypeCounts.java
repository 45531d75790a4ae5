package dev.lowrank.compress.allocate;

import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.model.LinearSite;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Says which types were chosen.
final class TypeCounts {
    private TypeCounts() {}

    /// The name of every site's type.
    static Map<LinearSite, String> marks(Allocation allocation) {
        var marks = new LinkedHashMap<LinearSite, String>();
        allocation.choices().forEach((site, choice) -> marks.put(site, name(choice)));
        return marks;
    }

    /// How many sites got each type, whole and cut.
    static List<String> notes(Allocation allocation) {
        var whole = new TreeMap<String, Integer>();
        var cut = new TreeMap<String, Integer>();
        allocation
                .choices()
                .values()
                .forEach(choice -> (choice.isDense() ? whole : cut).merge(name(choice), 1, Integer::sum));
        return List.of("types chosen: whole " + words(whole) + "; cut " + words(cut));
    }

    private static String words(Map<String, Integer> counts) {
        return counts.isEmpty()
                ? "none"
                : counts.entrySet().stream()
                        .map(each -> each.getValue() + " in " + each.getKey())
                        .collect(Collectors.joining(", "));
    }

    private static String name(Choice choice) {
        var type = choice.type();
        return type == null ? Bits.UNROUNDED : type.name().toLowerCase(Locale.ROOT);
    }
}
