package dev.lowrank.model;

import dev.lowrank.checkpoint.ModelConfig;
import java.util.function.Predicate;

/// Qwen2 and Qwen2.5: the Llama block with biases on q, k and v, none on o. Sliding windows are refused,
/// since they change attention.
final class Qwen2 implements Architecture {
    @Override
    public String modelType() {
        return "qwen2";
    }

    @Override
    public DecoderSpec describe(ModelConfig config, Predicate<String> has) {
        if (config.booleanOr("use_sliding_window", false)) {
            throw config.unsupported("use_sliding_window", "true", "full attention in every layer");
        }
        return Llama.describe(config, true, false, 1e-6);
    }
}
