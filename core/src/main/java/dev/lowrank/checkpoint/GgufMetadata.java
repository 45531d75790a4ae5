package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The key/value part of a GGUF file, by type. A value of another type or range than asked for is a
/// [CheckpointException] with the code given, naming the key.
public final class GgufMetadata {
    private final Path file;
    private final Map<String, GgufValue> values;

    GgufMetadata(Path file, Map<String, GgufValue> values) {
        this.file = file;
        this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /// @return all keys in file order
    public Set<String> keys() {
        return values.keySet();
    }

    /// @param key a key
    /// @return whether the file has it
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /// @param key a key
    /// @return the value to show: numbers, texts and truth values as they are, arrays as their length and
    ///     type;
    ///     null if the file lacks the key
    public @Nullable Object display(String key) {
        var value = values.get(key);
        if (value == null) {
            return null;
        }
        return switch (value.content()) {
            case long[] array -> array.length + " × " + value.element();
            case float[] array -> array.length + " × " + value.element();
            case double[] array -> array.length + " × " + value.element();
            case boolean[] array -> array.length + " × " + value.element();
            case List<?> list -> list.size() + " × " + value.element();
            case Object scalar -> scalar;
        };
    }

    /// @param key a key
    /// @return its text, or null if the file lacks it
    public @Nullable String text(String key) {
        var value = values.get(key);
        if (value != null && !(value.content() instanceof String)) {
            throw wrong(Code.GG_HPARAM, key, "a text");
        }
        return value == null ? null : (String) value.content();
    }

    @Nullable
    GgufValue value(String key) {
        return values.get(key);
    }

    /// @return the whole number at `key`, or `fallback` if the file lacks it
    long whole(String key, long fallback, long min, long max, Code code) {
        var value = values.get(key);
        if (value == null) {
            return fallback;
        }
        var expected = "a whole number from " + min + " to " + max;
        if (!(value.content() instanceof Long number)) {
            throw wrong(code, key, expected);
        }
        if (number < min || number > max) {
            throw wrong(code, key, expected);
        }
        return number;
    }

    /// @return the whole number at `key`
    long requireWhole(String key, long min, long max) {
        if (!has(key)) {
            throw new CheckpointException(Code.GG_HPARAM, file, -1, key, "The file lacks the key " + key, null);
        }
        return whole(key, 0, min, max, Code.GG_HPARAM);
    }

    /// @return the number at `key`, or `fallback` if the file lacks it
    double number(String key, double fallback, double min, double max) {
        var value = values.get(key);
        if (value == null) {
            return fallback;
        }
        var number = value.content() instanceof Double d ? d : Double.NaN;
        if (!(number >= min && number <= max)) {
            throw wrong(Code.GG_HPARAM, key, "a number from " + min + " to " + max);
        }
        // The shortest decimal of a stored float is what was meant: 1.0E-5, not 9.999999747378752E-6.
        return value.kind() == GgufValue.Kind.F32 ? Double.parseDouble(Float.toString((float) number)) : number;
    }

    boolean bool(String key, boolean fallback) {
        var value = values.get(key);
        if (value != null && !(value.content() instanceof Boolean)) {
            throw wrong(Code.GG_HPARAM, key, "true or false");
        }
        return value == null ? fallback : (Boolean) value.content();
    }

    CheckpointException wrong(Code code, String key, String expected) {
        var value = values.get(key);
        var found = value == null ? "nothing" : value.kind() + " " + Printable.escape(String.valueOf(display(key)));
        return new CheckpointException(code, file, -1, key, "The key holds " + found + "; expected " + expected, null);
    }

    Path file() {
        return file;
    }
}
