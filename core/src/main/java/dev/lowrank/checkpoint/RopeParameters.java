package dev.lowrank.checkpoint;

import java.util.List;
import java.util.Map;

/// How rotary positions are scaled, whatever spelling the config uses.
///
/// @param type `default`, `linear`, `dynamic`, `yarn`, `longrope` or `llama3`
/// @param theta base of the frequencies
/// @param extra the other numbers of the block by key; a single number is a list of one
public record RopeParameters(String type, double theta, Map<String, List<Double>> extra) {
    public RopeParameters {
        extra = Map.copyOf(extra);
    }

    /// @param key e.g. `low_freq_factor`
    /// @param fallback value if the key is missing
    /// @return the number
    public double numberOr(String key, double fallback) {
        var values = extra.get(key);
        return values == null ? fallback : values.getFirst();
    }

    /// @param key e.g. `factor`
    /// @return whether the block has it
    public boolean has(String key) {
        return extra.containsKey(key);
    }
}
