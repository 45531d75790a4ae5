package dev.lowrank.app.serve;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The fields of a request's object, each read as what it must be. A field that is null is one that is not
/// there, as clients send it.
///
/// @param object the object
/// @param prefix before its names in messages
record Fields(ObjectNode object, String prefix) {
    boolean has(String name) {
        var node = object.path(name);
        return !node.isMissingNode() && !node.isNull();
    }

    JsonNode node(String name) {
        return object.path(name);
    }

    String name(String name) {
        return prefix + name;
    }

    ApiException wrong(String name, String expected) {
        return ApiException.bad(name(name), "'" + name(name) + "' must be " + expected);
    }

    Optional<String> text(String name) {
        if (!has(name)) {
            return Optional.empty();
        }
        if (!node(name).isString()) {
            throw wrong(name, "a string");
        }
        return Optional.of(node(name).asString());
    }

    boolean flag(String name) {
        if (!has(name)) {
            return false;
        }
        if (!node(name).isBoolean()) {
            throw wrong(name, "true or false");
        }
        return node(name).asBoolean();
    }

    Optional<Integer> integer(String name, int least, int most) {
        return whole(name, least, most).map(Long::intValue);
    }

    Optional<Long> whole(String name, long least, long most) {
        if (!has(name)) {
            return Optional.empty();
        }
        var node = node(name);
        if (!node.isIntegralNumber() || !node.canConvertToLong()) {
            throw wrong(name, "a whole number from " + least + " to " + most);
        }
        var value = node.asLong();
        if (value < least || value > most) {
            throw wrong(name, "from " + least + " to " + most + ", not " + value);
        }
        return Optional.of(value);
    }

    double number(String name, double least, double most, double otherwise) {
        if (!has(name)) {
            return otherwise;
        }
        if (!node(name).isNumber()) {
            throw wrong(name, "a number from " + least + " to " + most);
        }
        var value = node(name).asDouble();
        if (!(value >= least && value <= most)) {
            throw wrong(name, "a number from " + least + " to " + most);
        }
        return value;
    }

    Optional<Fields> fields(String name) {
        if (!has(name)) {
            return Optional.empty();
        }
        if (node(name) instanceof ObjectNode inner) {
            return Optional.of(new Fields(inner, name(name) + "."));
        }
        throw wrong(name, "an object");
    }

    /// A list of objects.
    List<Fields> list(String name) {
        if (!node(name).isArray()) {
            throw wrong(name, "a list");
        }
        var list = new ArrayList<Fields>();
        for (var element : node(name)) {
            if (!(element instanceof ObjectNode inner)) {
                throw wrong(name + "[" + list.size() + "]", "an object");
            }
            list.add(new Fields(inner, name(name) + "[" + list.size() + "]."));
        }
        return list;
    }

    /// Strings, or one string for a list of one.
    ///
    /// @param most how many
    List<String> texts(String name, int most) {
        if (!has(name)) {
            return List.of();
        }
        if (node(name).isString()) {
            return List.of(node(name).asString());
        }
        if (!node(name).isArray() || node(name).size() > most) {
            throw wrong(name, "a string or a list of at most " + most + " strings");
        }
        var list = new ArrayList<String>();
        for (var element : node(name)) {
            if (!element.isString()) {
                throw wrong(name + "[" + list.size() + "]", "a string");
            }
            list.add(element.asString());
        }
        return list;
    }
}
