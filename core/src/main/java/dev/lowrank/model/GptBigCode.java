package dev.lowrank.model;

import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.model.LinearSite.Layout;
import java.util.function.Predicate;

/// GPT BigCode (SantaCoder, StarCoder): the GPT-2 block with ordinary linears and, by default, one
/// key/value head for all queries. Without `multi_query` the fused rows go head by head.
final class GptBigCode implements Architecture {
    @Override
    public String modelType() {
        return "gpt_bigcode";
    }

    @Override
    public DecoderSpec describe(ModelConfig config, Predicate<String> has) {
        if (!config.booleanOr("scale_attn_weights", true)) {
            throw config.unsupported("scale_attn_weights", "false", "scaled attention");
        }
        return config.booleanOr("multi_query", true)
                ? Gpt2.describe(config, has, 1, QkvOrder.CONCATENATED, Layout.OUT_IN)
                : Gpt2.describe(config, has, config.requireInt("n_head", 1, 1 << 14), QkvOrder.PER_HEAD, Layout.OUT_IN);
    }

    @Override
    public String layersKey() {
        return "n_layer";
    }

    @Override
    public boolean ignores(String name) {
        return name.endsWith(".attn.bias") || name.endsWith(".attn.masked_bias");
    }
}
