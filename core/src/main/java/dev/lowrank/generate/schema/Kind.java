package dev.lowrank.generate.schema;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// Kinds of JSON values. A whole number is an `INTEGER`; `NUMBER` stands for the others, so that the type
/// `number` is both.
enum Kind {
    NULL(Set.of()),
    BOOLEAN(Set.of()),
    INTEGER(Set.of()),
    NUMBER(Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    STRING(Set.of("minLength", "maxLength", "pattern", "format")),
    ARRAY(Set.of("items", "prefixItems", "minItems", "maxItems", "uniqueItems")),
    OBJECT(Set.of("properties", "required", "additionalProperties", "minProperties", "maxProperties"));

    private final Set<String> keywords;

    Kind(Set<String> keywords) {
        this.keywords = keywords;
    }

    /// The kinds that all places allow.
    static EnumSet<Kind> allowed(List<Place> places) {
        var kinds = EnumSet.allOf(Kind.class);
        for (var place : places) {
            place.keyword("type").ifPresent(type -> kinds.retainAll(named(place, type)));
        }
        if (Literals.present(places)) {
            kinds.retainAll(Literals.of(places).stream().map(Kind::of).toList());
        }
        return kinds;
    }

    /// The kinds that are generated: those allowed, or where no place names a type the ones that the
    /// keywords are about, for that is what is meant by them.
    static EnumSet<Kind> generated(List<Place> places) {
        var kinds = allowed(places);
        if (places.stream().anyMatch(place -> place.node().has("type")) || Literals.present(places)) {
            return kinds;
        }
        var meant = EnumSet.noneOf(Kind.class);
        for (var kind : values()) {
            if (places.stream().anyMatch(kind::isSpokenOf)) {
                meant.add(kind);
            }
        }
        if (meant.contains(NUMBER)) {
            meant.add(INTEGER);
        }
        return meant.isEmpty() ? kinds : meant;
    }

    private boolean isSpokenOf(Place place) {
        return keywords.stream().anyMatch(place.node()::has);
    }

    /// Whether a keyword is about what lists and objects hold.
    static boolean speaksOfParts(String keyword) {
        return ARRAY.keywords.contains(keyword) || OBJECT.keywords.contains(keyword);
    }

    private static EnumSet<Kind> named(Place place, JsonNode type) {
        var names = new ArrayList<JsonNode>();
        if (type.isArray()) {
            type.forEach(names::add);
        } else {
            names.add(type);
        }
        var kinds = EnumSet.noneOf(Kind.class);
        for (var name : names) {
            switch (name.asString("")) {
                case "null" -> kinds.add(NULL);
                case "boolean" -> kinds.add(BOOLEAN);
                case "integer" -> kinds.add(INTEGER);
                case "number" -> kinds.addAll(Set.of(INTEGER, NUMBER));
                case "string" -> kinds.add(STRING);
                case "array" -> kinds.add(ARRAY);
                case "object" -> kinds.add(OBJECT);
                default -> throw place.fault("type", name + " is not a type of JSON Schema");
            }
        }
        return kinds;
    }

    /// The kind of a value.
    static Kind of(JsonNode value) {
        return switch (value.getNodeType()) {
            case NULL -> NULL;
            case BOOLEAN -> BOOLEAN;
            case NUMBER -> value.decimalValue().stripTrailingZeros().scale() <= 0 ? INTEGER : NUMBER;
            case STRING -> STRING;
            case ARRAY -> ARRAY;
            case OBJECT -> OBJECT;
            case BINARY, MISSING, POJO -> throw new IllegalArgumentException("A schema holds " + value.getNodeType());
        };
    }
}
