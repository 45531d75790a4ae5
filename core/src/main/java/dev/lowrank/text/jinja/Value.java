package dev.lowrank.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Everything that a template can hold. No other object ever enters the engine, so there is nothing to
/// reflect on.
sealed interface Value {
    /// A string.
    record Text(String value) implements Value {}

    /// A whole number.
    record Int(long value) implements Value {}

    /// A floating-point number.
    record Real(double value) implements Value {}

    /// `true` and `false`.
    enum Bool implements Value {
        FALSE,
        TRUE;

        static Bool of(boolean value) {
            return value ? TRUE : FALSE;
        }
    }

    /// `none`.
    enum None implements Value {
        NONE
    }

    /// The value of a name or key that does not exist; printing it gives nothing.
    record Undefined(String name) implements Value {}

    /// A list or tuple; never changed after it is made.
    record Sequence(List<Value> items, boolean tuple) implements Value {
        Sequence(List<Value> items) {
            this(items, false);
        }
    }

    /// A dictionary with string keys; never changed after it is made.
    record Mapping(Map<String, Value> entries) implements Value {}

    /// The one thing that `set` can change from an inner scope.
    record Namespace(LinkedHashMap<String, Value> entries) implements Value {}

    /// Something to call: a macro, a function of the engine or a method of a value.
    non-sealed interface Callable extends Value {
        Value call(Arguments arguments);

        /// @return its name, for messages
        String name();
    }

    static Sequence listOf(List<Value> items) {
        return new Sequence(items);
    }

    static Sequence pair(Value first, Value second) {
        return new Sequence(List.of(first, second), true);
    }

    /// @return null, a string, boolean, Long, Double, list or map, as [#from] takes them
    /// @throws TemplateException if it holds something that is no value, such as a macro
    static @Nullable Object toJava(Value value) {
        return switch (value) {
            case None _ -> null;
            case Text text -> text.value();
            case Bool bool -> bool == Bool.TRUE;
            case Int number -> number.value();
            case Real number -> number.value();
            case Sequence list -> list.items().stream().map(Value::toJava).toList();
            case Mapping map -> {
                var entries = new LinkedHashMap<String, @Nullable Object>();
                map.entries().forEach((key, entry) -> entries.put(key, toJava(entry)));
                yield entries;
            }
            case Undefined _, Namespace _, Callable _ ->
                throw new TemplateException(
                        TemplateException.Kind.VALUE, "The template gives " + Values.type(value) + ", not a value.");
        };
    }

    /// @param object null, a string, boolean, number, list or map with string keys, nested at will
    /// @return the same as a value
    /// @throws IllegalArgumentException for any other object
    static Value from(@Nullable Object object) {
        return switch (object) {
            case null -> None.NONE;
            case String text -> new Text(text);
            case Boolean bool -> Bool.of(bool);
            case Integer number -> new Int(number);
            case Long number -> new Int(number);
            case Double number -> new Real(number);
            case List<?> list -> {
                var items = new ArrayList<Value>(list.size());
                list.forEach(item -> items.add(from(item)));
                yield new Sequence(items);
            }
            case Map<?, ?> map -> {
                var entries = new LinkedHashMap<String, Value>();
                map.forEach((key, value) -> entries.put((String) key, from(value)));
                yield new Mapping(entries);
            }
            default ->
                throw new IllegalArgumentException("A template takes strings, booleans, numbers, lists and maps, not "
                        + object.getClass().getName());
        };
    }
}
