package dev.lowrank.model;

import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.model.DecoderSpec.Activation;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.DecoderSpec.Heads;
import dev.lowrank.model.DecoderSpec.Norm;
import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.DecoderSpec.Purpose;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.model.DecoderSpec.Residual;
import dev.lowrank.model.LinearSite.Layout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// Llama 1 to 3 and models that share its configuration (SmolLM2, TinyLlama): RMS norms, rotary positions,
/// grouped-query attention, SwiGLU. Defaults are those of `LlamaConfig`.
final class Llama implements Architecture {
    @Override
    public String modelType() {
        return "llama";
    }

    @Override
    public DecoderSpec describe(ModelConfig config, Predicate<String> has) {
        return describe(
                config, config.booleanOr("attention_bias", false), config.booleanOr("attention_bias", false), 1e-6);
    }

    @Override
    public boolean ignores(String name) {
        return name.endsWith(".rotary_emb.inv_freq");
    }

    /// The Llama block with the biases of its relatives.
    ///
    /// @param qkvBias whether q, k and v have biases
    /// @param outputBias whether o has one
    /// @param defaultEpsilon class default of `rms_norm_eps`
    static DecoderSpec describe(ModelConfig config, boolean qkvBias, boolean outputBias, double defaultEpsilon) {
        var activation = config.textOr("hidden_act", "silu");
        if (!activation.equals("silu") && !activation.equals("swish")) {
            throw config.unsupported("hidden_act", activation, "silu");
        }
        var hidden = config.requireInt("hidden_size", 1, 1 << 20);
        var layers = config.requireInt("num_hidden_layers", 1, 1 << 12);
        var heads = config.requireInt("num_attention_heads", 1, 1 << 14);
        var kvHeads = config.intOr("num_key_value_heads", heads, 1, heads);
        var headDim = config.intOr("head_dim", hidden / heads, 2, 1 << 14);
        var intermediate = config.requireInt("intermediate_size", 1, 1 << 22);
        var mlpBias = config.booleanOr("mlp_bias", false);
        var widths = BlockWidths.of(config, layers, kvHeads, new BlockWidths(intermediate, Heads.whole(headDim)));
        var blocks = new ArrayList<Block>();
        for (var i = 0; i < layers; i++) {
            var prefix = "model.layers." + i + ".";
            var attention = prefix + "self_attn.";
            var mlp = prefix + "mlp.";
            var own = widths.get(i).heads();
            var inner = widths.get(i).intermediate();
            blocks.add(new Block(
                    i,
                    prefix + "input_layernorm",
                    prefix + "post_attention_layernorm",
                    List.of(
                            site(i, Role.Q_PROJ, attention + "q_proj", hidden, heads * own.keyDim(), qkvBias),
                            site(i, Role.K_PROJ, attention + "k_proj", hidden, kvHeads * own.keyDim(), qkvBias),
                            site(i, Role.V_PROJ, attention + "v_proj", hidden, kvHeads * own.valueDim(), qkvBias),
                            site(i, Role.O_PROJ, attention + "o_proj", heads * own.valueDim(), hidden, outputBias),
                            site(i, Role.GATE_PROJ, mlp + "gate_proj", hidden, inner, mlpBias),
                            site(i, Role.UP_PROJ, mlp + "up_proj", hidden, inner, mlpBias),
                            site(i, Role.DOWN_PROJ, mlp + "down_proj", inner, hidden, mlpBias)),
                    own));
        }
        return new DecoderSpec(
                config.modelType(),
                config.requireInt("vocab_size", 1, 1 << 24),
                hidden,
                heads,
                kvHeads,
                headDim,
                config.intOr("max_position_embeddings", 2048, 1, Integer.MAX_VALUE),
                new Norm(Norm.Kind.RMS, config.doubleOr("rms_norm_eps", defaultEpsilon, Double.MIN_VALUE, 1)),
                Residual.NORM_FIRST,
                new Positions.Rotary(Rope.of(config, headDim)),
                Activation.SILU,
                QkvOrder.CONCATENATED,
                "model.embed_tokens",
                new Purpose.Decoder(
                        "model.norm",
                        config.booleanOr("tie_word_embeddings", false) ? "model.embed_tokens" : "lm_head"),
                blocks);
    }

    private static LinearSite site(int layer, Role role, String name, int in, int out, boolean bias) {
        return new LinearSite(layer, role, name, in, out, bias, Layout.OUT_IN);
    }
}
