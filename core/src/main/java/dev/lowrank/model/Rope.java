package dev.lowrank.model;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.checkpoint.RopeParameters;
import java.util.Arrays;

/// Frequencies of a rotary embedding, with the scaling rules of `transformers` applied.
///
/// Sources: RoFormer, arXiv:2104.09864, section 3.2.2 (default); position interpolation, arXiv:2306.15595
/// (linear); YaRN, arXiv:2309.00071, section 3.3; Llama 3.1's wavelength rule as `transformers` implements
/// it. `dynamic` scaling changes nothing up to the checkpoint's own context length, which is also the
/// longest that Lowrank runs.
///
/// @param inverseFrequencies `[headDim / 2]`, radians per position
/// @param attentionFactor factor on cosine and sine (YaRN; else 1)
public record Rope(double[] inverseFrequencies, double attentionFactor) {
    public Rope {
        inverseFrequencies = inverseFrequencies.clone();
    }

    @Override
    public double[] inverseFrequencies() {
        return inverseFrequencies.clone();
    }

    /// Reads the rope of a configuration, in v4 (`rope_theta`, `rope_scaling`) or v5 (`rope_parameters`)
    /// spelling.
    ///
    /// @param headDim width of one head; even
    /// @throws CheckpointException for a scaling type that is not supported
    public static Rope of(ModelConfig config, int headDim) {
        var parameters = config.rope();
        var plain = plain(parameters.theta(), headDim);
        return switch (parameters.type()) {
            case "default", "dynamic" -> new Rope(plain, 1.0);
            case "linear" -> {
                var factor = require(config, parameters, "factor");
                yield new Rope(Arrays.stream(plain).map(f -> f / factor).toArray(), 1.0);
            }
            case "llama3" -> new Rope(llama3(config, plain, parameters), 1.0);
            case "yarn" -> yarn(plain, parameters, config, headDim);
            default ->
                throw config.unsupported("rope type", parameters.type(), "default, linear, dynamic, llama3 or yarn");
        };
    }

    private static double require(ModelConfig config, RopeParameters parameters, String key) {
        if (!parameters.has(key)) {
            throw config.range(key, "nothing", "a number, for rope type " + parameters.type());
        }
        return parameters.numberOr(key, 0);
    }

    private static double[] plain(double theta, int headDim) {
        var frequencies = new double[headDim / 2];
        for (var i = 0; i < frequencies.length; i++) {
            frequencies[i] = Math.pow(theta, -2.0 * i / headDim);
        }
        return frequencies;
    }

    private static double[] llama3(ModelConfig config, double[] plain, RopeParameters parameters) {
        var factor = require(config, parameters, "factor");
        var low = require(config, parameters, "low_freq_factor");
        var high = require(config, parameters, "high_freq_factor");
        var original = require(config, parameters, "original_max_position_embeddings");
        return Arrays.stream(plain)
                .map(frequency -> {
                    var turns = original * frequency / (2 * Math.PI);
                    if (turns > high) {
                        return frequency;
                    }
                    if (turns < low) {
                        return frequency / factor;
                    }
                    var smooth = (turns - low) / (high - low);
                    return (1 - smooth) * frequency / factor + smooth * frequency;
                })
                .toArray();
    }

    private static Rope yarn(double[] plain, RopeParameters parameters, ModelConfig config, int headDim) {
        var factor = require(config, parameters, "factor");
        var original = parameters.has("original_max_position_embeddings")
                ? parameters.numberOr("original_max_position_embeddings", 0)
                : config.requireInt("max_position_embeddings", 1, Integer.MAX_VALUE);
        var theta = parameters.theta();
        var first = Math.max(
                Math.floor(yarnDimension(parameters.numberOr("beta_fast", 32.0), headDim, theta, original)), 0);
        var last = Math.min(
                Math.ceil(yarnDimension(parameters.numberOr("beta_slow", 1.0), headDim, theta, original)),
                headDim - 1.0);
        var frequencies = new double[plain.length];
        for (var i = 0; i < plain.length; i++) {
            var ramp = Math.clamp((i - first) / Math.max(last - first, 0.001), 0.0, 1.0);
            frequencies[i] = plain[i] / factor * ramp + plain[i] * (1 - ramp);
        }
        var attention = parameters.numberOr("attention_factor", factor <= 1 ? 1.0 : 0.1 * Math.log(factor) + 1);
        return new Rope(frequencies, attention);
    }

    /// The dimension whose wavelength makes `turns` turns within the original context.
    private static double yarnDimension(double turns, int headDim, double theta, double original) {
        return headDim * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    /// The rotation of one position, in double and rounded once.
    ///
    /// @param cos filled with `[headDim / 2]` cosines; likewise `sin`
    void fill(int position, float[] cos, float[] sin) {
        for (var i = 0; i < inverseFrequencies.length; i++) {
            var angle = position * inverseFrequencies[i];
            cos[i] = (float) (Math.cos(angle) * attentionFactor);
            sin[i] = (float) (Math.sin(angle) * attentionFactor);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Rope rope
                && attentionFactor == rope.attentionFactor
                && Arrays.equals(inverseFrequencies, rope.inverseFrequencies);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(inverseFrequencies) * 31 + Double.hashCode(attentionFactor);
    }
}
