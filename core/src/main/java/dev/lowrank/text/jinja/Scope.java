package dev.lowrank.text.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The variables of one loop turn, macro call or the whole template; inner scopes see outer ones and set
/// only their own.
record Scope(@Nullable Scope outer, Map<String, Value> own) {
    Scope(@Nullable Scope outer) {
        this(outer, new HashMap<>());
    }

    @Nullable
    Value get(String name) {
        for (var scope = this; scope != null; scope = scope.outer) {
            var value = scope.own.get(name);
            if (value != null) {
                return value;
            }
        }
        return null;
    }

    void set(String name, Value value) {
        own.put(name, value);
    }
}
