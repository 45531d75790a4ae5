package dev.lowrank.generate.schema;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A schema within a schema.
///
/// @param pointer where it is; two places with the same pointer are the same
/// @param node what is there
record Place(String pointer, JsonNode node) {
    Optional<JsonNode> keyword(String name) {
        return Optional.ofNullable(node.get(name));
    }

    Place at(String keyword, JsonNode schema) {
        return new Place(pointer + "/" + keyword, schema);
    }

    /// A property of an object of schemas.
    Place at(String keyword, String name, JsonNode schema) {
        return at(keyword + "/" + name.replace("~", "~0").replace("/", "~1"), schema);
    }

    /// The schemas of a keyword that holds a list of them.
    List<Place> all(String keyword) {
        var list = node.get(keyword);
        if (list == null) {
            return List.of();
        }
        if (!list.isArray() || list.isEmpty()) {
            throw fault(keyword, "is not a list with schemas in it");
        }
        var places = new ArrayList<Place>();
        for (var i = 0; i < list.size(); i++) {
            places.add(at(keyword + "/" + i, list.get(i)));
        }
        return places;
    }

    /// A number of things.
    ///
    /// @return `otherwise` if the keyword is not there
    int count(String keyword, int otherwise) {
        var number = node.get(keyword);
        if (number == null) {
            return otherwise;
        }
        if (!number.isNumber() || number.decimalValue().signum() < 0) {
            throw fault(keyword, number + " is no number of things");
        }
        return (int) Math.min(Scalar.UNBOUNDED - 1.0, number.doubleValue());
    }

    String text(String keyword) {
        var text = node.get(keyword);
        if (text == null || !text.isString()) {
            throw fault(keyword, "is not a string");
        }
        return text.stringValue();
    }

    SchemaException fault(String keyword, String problem) {
        return new SchemaException(keyword, pointer.length() > 200 ? pointer.substring(0, 200) : pointer, problem);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Place place && pointer.equals(place.pointer);
    }

    @Override
    public int hashCode() {
        return pointer.hashCode();
    }
}
