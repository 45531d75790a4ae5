package dev.lowrank.checkpoint;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The two spellings of rotary parameters.
final class RopeReader {
    private static final Set<String> TYPES = Set.of("default", "linear", "dynamic", "yarn", "longrope", "llama3");
    private static final double DEFAULT_THETA = 10_000;

    private RopeReader() {}

    static RopeParameters read(ModelConfig config) {
        var key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        var block = config.value(key);
        if (block != null && !block.isObject()) {
            throw config.range(key, ModelConfig.shown(block), "an object or null");
        }
        var theta = theta(config, key, block);
        if (block == null) {
            return new RopeParameters("default", theta, Map.of());
        }
        return new RopeParameters(type(config, key, block), theta, extra(config, key, block));
    }

    private static double theta(ModelConfig config, String key, @Nullable JsonNode block) {
        var inner = block == null ? null : block.get("rope_theta");
        var theta = inner == null
                ? config.doubleOr("rope_theta", config.doubleOr("rotary_emb_base", DEFAULT_THETA))
                : config.number(key + ".rope_theta", inner, -Double.MAX_VALUE, Double.MAX_VALUE);
        if (theta <= 0) {
            throw config.range(inner == null ? "rope_theta" : key + ".rope_theta", Double.toString(theta), "above 0");
        }
        return theta;
    }

    private static String type(ModelConfig config, String key, JsonNode block) {
        var node = block.has("rope_type") ? block.get("rope_type") : block.get("type");
        var type = node == null || node.isNull() ? "default" : node.isString() ? node.stringValue() : node.toString();
        if (!TYPES.contains(type)) {
            throw config.unsupported(key + ".rope_type", Printable.escape(type), "one of " + List.copyOf(TYPES));
        }
        return type;
    }

    private static Map<String, List<Double>> extra(ModelConfig config, String key, JsonNode block) {
        var extra = new HashMap<String, List<Double>>();
        for (var property : block.properties()) {
            var name = property.getKey();
            var node = property.getValue();
            if (node.isObject()) {
                throw config.unsupported(key + "." + name, "a block of its own", "one block for all layers");
            }
            if (node.isArray()) {
                extra.put(name, list(config, key + "." + name, node));
            } else if (node.isNumber() && !name.equals("rope_theta")) {
                extra.put(name, List.of(config.number(key + "." + name, node, -Double.MAX_VALUE, Double.MAX_VALUE)));
            }
        }
        return extra;
    }

    private static List<Double> list(ModelConfig config, String key, JsonNode array) {
        var values = new ArrayList<Double>();
        for (var node : array) {
            values.add(config.number(key, node, -Double.MAX_VALUE, Double.MAX_VALUE));
        }
        if (values.isEmpty()) {
            throw config.range(key, "[]", "at least one number");
        }
        return List.copyOf(values);
    }
}
