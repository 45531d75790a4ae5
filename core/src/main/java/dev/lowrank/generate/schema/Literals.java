package dev.lowrank.generate.schema;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// The values that `const` and `enum` list.
final class Literals {
    private Literals() {}

    /// Whether one of the places lists values.
    static boolean present(List<Place> places) {
        return places.stream()
                .anyMatch(place -> place.node().has("const") || place.node().has("enum"));
    }

    /// The values that every list of the places holds, each once.
    static List<JsonNode> of(List<Place> places) {
        List<JsonNode> common = new ArrayList<>();
        var first = true;
        for (var place : places) {
            for (var list : lists(place)) {
                common = first ? list : common.stream().filter(list::contains).toList();
                first = false;
            }
        }
        return common.stream().distinct().toList();
    }

    private static List<List<JsonNode>> lists(Place place) {
        var lists = new ArrayList<List<JsonNode>>();
        place.keyword("const").ifPresent(value -> lists.add(List.of(value)));
        place.keyword("enum").ifPresent(values -> {
            if (!values.isArray()) {
                throw place.fault("enum", "is not a list of values");
            }
            var list = new ArrayList<JsonNode>();
            values.forEach(list::add);
            lists.add(list);
        });
        return lists;
    }
}
