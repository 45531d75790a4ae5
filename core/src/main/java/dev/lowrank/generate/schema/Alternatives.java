package dev.lowrank.generate.schema;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/// What remains of a schema when `$ref`, `allOf`, `anyOf` and `oneOf` are worked out: one of some
/// alternatives, in each of which all of some places hold by their other keywords.
final class Alternatives {
    private static final int MOST = 200;
    private static final Set<String> NOTES = Set.of(
            "title",
            "description",
            "default",
            "examples",
            "example",
            "deprecated",
            "readOnly",
            "writeOnly",
            "$schema",
            "$id",
            "$comment",
            "$defs",
            "definitions",
            "discriminator",
            "contentEncoding",
            "contentMediaType",
            "strict");
    private static final Set<String> SUPPORTED = Set.of(
            "type",
            "enum",
            "const",
            "$ref",
            "allOf",
            "anyOf",
            "oneOf",
            "minLength",
            "maxLength",
            "pattern",
            "format",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "items",
            "prefixItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "properties",
            "required",
            "additionalProperties",
            "minProperties",
            "maxProperties");

    private final JsonNode root;
    private final Map<Place, List<List<Place>>> known = new HashMap<>();
    private final Set<Place> open = new HashSet<>();

    Alternatives(JsonNode root) {
        this.root = root;
    }

    /// @param places all of which hold
    /// @return alternatives, none of them where nothing is allowed
    List<List<Place>> of(List<Place> places) {
        List<List<Place>> all = List.of(List.of());
        for (var place : places) {
            all = both(all, of(place), place);
        }
        return all;
    }

    private List<List<Place>> of(Place place) {
        var before = known.get(place);
        if (before != null) {
            return before;
        }
        var node = place.node();
        if (node.isBoolean()) {
            return node.booleanValue() ? List.of(List.of()) : List.of();
        }
        if (!node.isObject()) {
            throw place.fault("schema", "is " + node.getNodeType() + "; expected an object, true or false");
        }
        if (!open.add(place)) {
            throw place.fault("$ref", "comes back to itself without a value in between");
        }
        check(place);
        var result = combined(place);
        open.remove(place);
        known.put(place, result);
        return result;
    }

    private static void check(Place place) {
        for (var field : place.node().properties()) {
            var name = field.getKey();
            if (!SUPPORTED.contains(name) && !NOTES.contains(name) && !name.startsWith("x-")) {
                throw place.fault(
                        name.length() > 60 ? name.substring(0, 60) + "..." : name,
                        "this keyword is not supported; take it out, or say the same with " + new TreeSet<>(SUPPORTED));
            }
        }
    }

    private List<List<Place>> combined(Place place) {
        List<List<Place>> result = List.of(List.of(place));
        if (place.node().has("$ref")) {
            result = both(result, of(referred(place)), place);
        }
        for (var part : place.all("allOf")) {
            result = both(result, of(part), place);
        }
        var any = place.all("anyOf");
        if (!any.isEmpty()) {
            result = both(
                    result, any.stream().flatMap(branch -> of(branch).stream()).toList(), place);
        }
        var one = place.all("oneOf");
        if (!one.isEmpty()) {
            new Exclusion(this).check(place, one);
            result = both(
                    result, one.stream().flatMap(branch -> of(branch).stream()).toList(), place);
        }
        return result;
    }

    private static List<List<Place>> both(List<List<Place>> some, List<List<Place>> others, Place place) {
        var all = new LinkedHashSet<List<Place>>();
        for (var one : some) {
            for (var other : others) {
                var places = new TreeSet<Place>(Comparator.comparing(Place::pointer));
                places.addAll(one);
                places.addAll(other);
                all.add(List.copyOf(places));
                if (all.size() > MOST) {
                    throw place.fault("anyOf", "leaves more than " + MOST + " alternatives together with others");
                }
            }
        }
        return new ArrayList<>(all);
    }

    private Place referred(Place place) {
        var reference = place.text("$ref");
        if (!reference.startsWith("#") || (reference.length() > 1 && reference.charAt(1) != '/')) {
            throw place.fault("$ref", "'" + reference + "' leads out of this schema; only #/... is followed");
        }
        if (reference.length() == 1) {
            return new Place("#", root);
        }
        var node = root;
        for (var step : reference.substring(2).split("/", -1)) {
            var name = URLDecoder.decode(step.replace("+", "%2B"), StandardCharsets.UTF_8)
                    .replace("~1", "/")
                    .replace("~0", "~");
            var next = node.isArray() && name.matches("[0-9]{1,6}") ? node.get(Integer.parseInt(name)) : node.get(name);
            if (next == null) {
                throw place.fault("$ref", "'" + reference + "' leads to nothing");
            }
            node = next;
        }
        return new Place(reference, node);
    }
}
