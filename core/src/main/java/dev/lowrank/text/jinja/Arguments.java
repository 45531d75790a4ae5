package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The arguments of one call.
record Arguments(List<Value> positional, Map<String, Value> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    int size() {
        return positional.size() + named.size();
    }

    /// @return the argument at a place or of a name, null if not given
    @Nullable
    Value get(int place, String name) {
        return place < positional.size() ? positional.get(place) : named.get(name);
    }

    Value get(int place, String name, Value fallback) {
        var value = get(place, name);
        return value == null ? fallback : value;
    }

    Value need(int place, String name, String function) {
        var value = get(place, name);
        if (value == null) {
            throw new TemplateException(Kind.VALUE, function + " needs the argument '" + name + "'.");
        }
        return value;
    }

    String text(int place, String name, String function) {
        return Values.text(need(place, name, function), function);
    }

    long number(int place, String name, long fallback, String function) {
        var value = get(place, name);
        return value == null ? fallback : Values.integer(value, function);
    }

    boolean flag(int place, String name) {
        var value = get(place, name);
        return value != null && Values.truth(value);
    }

    Arguments after(int count) {
        return new Arguments(positional.subList(Math.min(count, positional.size()), positional.size()), named);
    }
}
