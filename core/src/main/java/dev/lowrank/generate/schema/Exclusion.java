package dev.lowrank.generate.schema;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// Whether the branches of a `oneOf` exclude one another, so that a value of one of them is a value of
/// exactly one.
final class Exclusion {
    private static final int MOST_LEVELS = 4;

    private final Alternatives alternatives;

    Exclusion(Alternatives alternatives) {
        this.alternatives = alternatives;
    }

    /// @throws SchemaException if two branches may hold for the same value, as far as can be seen
    void check(Place place, List<Place> branches) {
        for (var i = 0; i < branches.size(); i++) {
            for (var k = i + 1; k < branches.size(); k++) {
                if (!apart(List.of(branches.get(i)), List.of(branches.get(k)), MOST_LEVELS)) {
                    throw place.fault(
                            "oneOf",
                            "branches " + i + " and " + k + " may both hold for a value; give them different types, or"
                                    + " a required property with different const values, or use anyOf");
                }
            }
        }
    }

    private boolean apart(List<Place> some, List<Place> others, int levels) {
        for (var one : alternatives.of(some)) {
            for (var other : alternatives.of(others)) {
                if (!alternativesApart(one, other, levels)) {
                    return false;
                }
            }
        }
        return true;
    }

    private boolean alternativesApart(List<Place> some, List<Place> others, int levels) {
        if (Literals.present(some) && Literals.present(others)) {
            var texts = Literals.of(others).stream().map(JsonNode::toString).toList();
            if (Literals.of(some).stream().map(JsonNode::toString).noneMatch(texts::contains)) {
                return Literals.of(some).stream().noneMatch(JsonNode::isNumber) || !numbersMeet(some, others);
            }
        }
        var common = common(some, others);
        common.addAll(common(others, some));
        if (common.isEmpty()) {
            return true;
        }
        return common.equals(Set.of(Kind.OBJECT)) && levels > 0 && objectsApart(some, others, levels);
    }

    /// Kinds of values that are generated for some places and hold for others.
    private static EnumSet<Kind> common(List<Place> generated, List<Place> others) {
        var common = EnumSet.copyOf(Kind.generated(generated));
        common.retainAll(Kind.allowed(others));
        return common;
    }

    private static boolean numbersMeet(List<Place> some, List<Place> others) {
        return Literals.of(some).stream()
                .filter(JsonNode::isNumber)
                .anyMatch(one -> Literals.of(others).stream()
                        .anyMatch(
                                other -> other.isNumber() && one.decimalValue().compareTo(other.decimalValue()) == 0));
    }

    private boolean objectsApart(List<Place> some, List<Place> others, int levels) {
        for (var name : ObjectKeywords.required(some)) {
            var mine = ObjectKeywords.declared(some, name);
            var theirs = ObjectKeywords.declared(others, name);
            var required = ObjectKeywords.required(others).contains(name);
            if (required && apart(mine, theirs, levels - 1)
                    || alternatives.of(theirs).isEmpty()) {
                return true;
            }
        }
        return ObjectKeywords.required(others).stream()
                .anyMatch(name ->
                        alternatives.of(ObjectKeywords.declared(some, name)).isEmpty());
    }
}
