package dev.lowrank.model;

import dev.lowrank.checkpoint.ModelConfig;
import java.util.function.Predicate;

/// A family of transformers, one file each, named as `model_type` in config.json.
public interface Architecture {
    /// The `model_type` it reads.
    String modelType();

    /// Says what a checkpoint of this family is.
    ///
    /// @param config its configuration
    /// @param has whether the checkpoint holds a tensor of this full name (some families have optional
    ///     prefixes or
    ///     biases)
    /// @throws dev.lowrank.checkpoint.CheckpointException for a value out of range or a variant that is not
    ///     supported
    DecoderSpec describe(ModelConfig config, Predicate<String> has);

    /// The key of config.json that counts blocks.
    default String layersKey() {
        return "num_hidden_layers";
    }

    /// Whether a tensor of this name is a buffer that the computation does not need.
    default boolean ignores(String name) {
        return false;
    }
}
