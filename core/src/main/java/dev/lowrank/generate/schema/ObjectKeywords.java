package dev.lowrank.generate.schema;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.BooleanNode;

/// What places that hold together say about the properties of an object.
final class ObjectKeywords {
    private ObjectKeywords() {}

    /// Names of `properties` and `required`, in the schemas' order.
    static Set<String> names(List<Place> places) {
        var names = new LinkedHashSet<String>();
        for (var place : places) {
            place.keyword("properties").ifPresent(properties -> {
                if (!properties.isObject()) {
                    throw place.fault("properties", "is not an object of schemas");
                }
                properties.properties().forEach(property -> names.add(property.getKey()));
            });
        }
        names.addAll(required(places));
        return names;
    }

    static Set<String> required(List<Place> places) {
        var names = new TreeSet<String>();
        for (var place : places) {
            place.keyword("required").ifPresent(list -> {
                if (!list.isArray()) {
                    throw place.fault("required", "is not a list of names");
                }
                for (var name : list) {
                    if (!name.isString()) {
                        throw place.fault("required", "holds " + name.getNodeType() + ", not only names");
                    }
                    names.add(name.stringValue());
                }
            });
        }
        return names;
    }

    /// What all places say of a property.
    ///
    /// @return places that hold together
    static List<Place> declared(List<Place> places, String name) {
        var all = new ArrayList<Place>();
        for (var place : places) {
            var own = place.node().path("properties").get(name);
            if (own != null) {
                all.add(place.at("properties", name, own));
            } else {
                place.keyword("additionalProperties")
                        .ifPresent(schema -> all.add(place.at("additionalProperties", schema)));
            }
        }
        return all;
    }

    /// What all places say of properties that none of them names. Where some name properties and none
    /// speaks of others, there are no others.
    static List<Place> additional(List<Place> places) {
        var all = new ArrayList<Place>();
        for (var place : places) {
            place.keyword("additionalProperties")
                    .ifPresent(schema -> all.add(place.at("additionalProperties", schema)));
        }
        var named = places.stream().anyMatch(place -> place.node().has("properties"));
        return all.isEmpty() && named ? nothing(places) : all;
    }

    private static List<Place> nothing(List<Place> places) {
        JsonNode never = BooleanNode.FALSE;
        return List.of(places.getFirst().at("additionalProperties", never));
    }
}
