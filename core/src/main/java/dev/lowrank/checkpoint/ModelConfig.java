package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// A model's `config.json`, both generations of spelling: `torch_dtype`, `rope_theta`, `rope_scaling` (v4)
/// and `dtype`, `rope_parameters` (v5). Immutable; unknown keys and the spelling found are kept.
///
/// A key that is missing or null takes the default of the caller. A value of the wrong kind or out of range
/// is [Code#CFG_RANGE], something Lowrank cannot run is [Code#CFG_UNSUPPORTED]; both name file, key, found
/// and expected.
///
/// @param file where it came from, for messages
/// @param json all keys
public record ModelConfig(Path file, ObjectNode json) {
    private static final long MAX_BYTES = 16L << 20;

    public ModelConfig {
        json = json.deepCopy();
    }

    /// @param json all keys of a config that is in no file yet
    public ModelConfig(ObjectNode json) {
        this(Path.of("config.json"), json);
    }

    /// @param file a `config.json`
    /// @return the config
    /// @throws CheckpointException if it is not valid JSON or describes quantised weights
    public static ModelConfig read(Path file) {
        try {
            return read(file, file.toRealPath());
        } catch (IOException e) {
            throw StoredFile.failure(file, e);
        }
    }

    static ModelConfig read(Path file, Path real) {
        var bytes = StoredFile.readSmall(file, real, MAX_BYTES, Code.JSON_LIMIT);
        var config = new ModelConfig(file, Json.parse(file, bytes, Code.JSON_BAD, Code.JSON_LIMIT));
        if (config.has("quantization_config")) {
            throw config.unsupported(
                    "quantization_config",
                    "weights quantised as " + config.shown("quantization_config"),
                    "F32, F16 or BF16 weights; use the unquantised checkpoint");
        }
        return config;
    }

    /// @return a copy of all keys
    @Override
    public ObjectNode json() {
        return json.deepCopy();
    }

    /// @return the bytes to write as `config.json`
    public byte[] toBytes() {
        return Json.write(json);
    }

    /// @return `model_type`
    public String modelType() {
        var type = textOrNull("model_type");
        if (type == null) {
            throw new CheckpointException(
                    Code.CFG_MISSING, file, -1, "model_type", "The config has no model_type; add it", null);
        }
        return type;
    }

    /// @param key a key
    /// @return whether it is there and not null
    public boolean has(String key) {
        return value(key) != null;
    }

    /// @param key a key that must be there
    /// @param min smallest value allowed
    /// @param max largest value allowed
    /// @return its value
    public int requireInt(String key, int min, int max) {
        var node = value(key);
        if (node == null) {
            throw new CheckpointException(
                    Code.CFG_MISSING,
                    file,
                    -1,
                    key,
                    "The config has no " + key + "; expected a number from " + min + " to " + max,
                    null);
        }
        return wholeNumber(key, node, min, max);
    }

    /// @param key a key
    /// @param fallback value if it is missing or null
    /// @return its value, from 0 on
    public int intOr(String key, int fallback) {
        return intOr(key, fallback, 0, Integer.MAX_VALUE);
    }

    /// @param key a key
    /// @param fallback value if it is missing or null
    /// @param min smallest value allowed
    /// @param max largest value allowed
    /// @return its value
    public int intOr(String key, int fallback, int min, int max) {
        var node = value(key);
        return node == null ? fallback : wholeNumber(key, node, min, max);
    }

    /// @param key a key
    /// @param fallback value if it is missing or null
    /// @return its value, finite
    public double doubleOr(String key, double fallback) {
        return doubleOr(key, fallback, -Double.MAX_VALUE, Double.MAX_VALUE);
    }

    /// @param key a key
    /// @param fallback value if it is missing or null
    /// @param min smallest value allowed
    /// @param max largest value allowed
    /// @return its value
    public double doubleOr(String key, double fallback, double min, double max) {
        var node = value(key);
        return node == null ? fallback : number(key, node, min, max);
    }

    /// @param key a key
    /// @param fallback value if it is missing or null
    /// @return its value
    public boolean booleanOr(String key, boolean fallback) {
        var node = value(key);
        if (node != null && !node.isBoolean()) {
            throw range(key, shown(node), "true or false");
        }
        return node == null ? fallback : node.booleanValue();
    }

    /// @param key a key
    /// @param fallback value if it is missing or null
    /// @return its value
    public String textOr(String key, String fallback) {
        var text = textOrNull(key);
        return text == null ? fallback : text;
    }

    /// @param key a key
    /// @return its value, or null if it is missing or null
    public @Nullable String textOrNull(String key) {
        var node = value(key);
        if (node != null && !node.isString()) {
            throw range(key, shown(node), "a text");
        }
        return node == null ? null : node.stringValue();
    }

    /// @param key a key whose value is a whole number or an array of them, such as `eos_token_id`
    /// @return its values, none negative; empty if it is missing or null
    public List<Integer> ints(String key) {
        var values = new ArrayList<Integer>();
        for (var node : elements(key)) {
            values.add(wholeNumber(key, node, 0, Integer.MAX_VALUE));
        }
        return List.copyOf(values);
    }

    /// @param key a key whose value is a text or an array of them, such as `architectures`
    /// @return its values; empty if it is missing or null
    public List<String> texts(String key) {
        var values = new ArrayList<String>();
        for (var node : elements(key)) {
            if (!node.isString()) {
                throw range(key, shown(node), "texts");
            }
            values.add(node.stringValue());
        }
        return List.copyOf(values);
    }

    /// Reads `rope_parameters`, or `rope_theta` (`rotary_emb_base`) with `rope_scaling`.
    ///
    /// @return type, base and the other numbers; the default type with base 10000 if the config says
    ///     nothing
    public RopeParameters rope() {
        return RopeReader.read(this);
    }

    /// @return the type weights are stored in: `dtype`, else `torch_dtype`, else F32
    public DType dtype() {
        var key = has("dtype") ? "dtype" : "torch_dtype";
        var name = textOr(key, "float32").replace("torch.", "");
        return switch (name) {
            case "float32", "float" -> DType.F32;
            case "float16", "half" -> DType.F16;
            case "bfloat16" -> DType.BF16;
            case "float64", "double" -> DType.F64;
            default -> throw unsupported(key, Printable.escape(name), "float32, float16, bfloat16 or float64");
        };
    }

    /// @return the block that says how Lowrank stored the model, or null
    public @Nullable JsonNode lowrank() {
        return value("lowrank");
    }

    /// @param key a key
    /// @param value its new value
    /// @return a config with it; other keys keep their place
    public ModelConfig with(String key, JsonNode value) {
        var copy = json.deepCopy();
        copy.set(key, value);
        return new ModelConfig(file, copy);
    }

    /// @param key a key
    /// @return a config without it
    public ModelConfig without(String key) {
        var copy = json.deepCopy();
        copy.remove(key);
        return new ModelConfig(file, copy);
    }

    /// @param dtype type of the weights: F64, F32, F16 or BF16
    /// @return a config that says so, in the spelling found (`dtype` if there is none)
    public ModelConfig withDtype(DType dtype) {
        var name = switch (dtype) {
            case F64 -> "float64";
            case F32 -> "float32";
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            case I64, I32, I16, U8, F8_E4M3, F8_E5M2, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, NF4 ->
                throw new IllegalArgumentException("A model is not stored in " + dtype);
        };
        var copy = json.deepCopy();
        copy.put(has("torch_dtype") && !has("dtype") ? "torch_dtype" : "dtype", name);
        return new ModelConfig(file, copy);
    }

    /// @param key the key at fault
    /// @param found its value
    /// @param expected what would be accepted
    /// @return a [Code#CFG_RANGE] error to throw
    public CheckpointException range(String key, String found, String expected) {
        return error(Code.CFG_RANGE, key, found, expected);
    }

    /// @param key the key at fault
    /// @param found its value
    /// @param expected what would be accepted
    /// @return a [Code#CFG_UNSUPPORTED] error to throw
    public CheckpointException unsupported(String key, String found, String expected) {
        return error(Code.CFG_UNSUPPORTED, key, found, expected);
    }

    private CheckpointException error(Code code, String key, String found, String expected) {
        return new CheckpointException(
                code, file, -1, key, "The config says " + key + " = " + found + "; expected " + expected, null);
    }

    @Nullable
    JsonNode value(String key) {
        var node = json.get(key);
        return node == null || node.isNull() ? null : node;
    }

    private List<JsonNode> elements(String key) {
        var node = value(key);
        if (node == null) {
            return List.of();
        }
        var values = new ArrayList<JsonNode>();
        if (node.isArray()) {
            node.forEach(values::add);
        } else {
            values.add(node);
        }
        return values;
    }

    private int wholeNumber(String key, JsonNode node, int min, int max) {
        var whole = node.isIntegralNumber() && node.canConvertToInt();
        if (!whole || node.intValue() < min || node.intValue() > max) {
            throw range(key, shown(node), "a whole number from " + min + " to " + max);
        }
        return node.intValue();
    }

    double number(String key, JsonNode node, double min, double max) {
        var value = node.isNumber() ? node.doubleValue() : Double.NaN;
        if (!Double.isFinite(value) || value < min || value > max) {
            throw range(key, shown(node), "a number from " + min + " to " + max);
        }
        return value;
    }

    private String shown(String key) {
        var node = json.get(key);
        return node == null ? "nothing" : shown(node);
    }

    static String shown(JsonNode node) {
        return Printable.escape(node.toString());
    }
}
