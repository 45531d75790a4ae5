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

/// GPT-2: layer norms, learned positions, full attention with a fused QKV matrix, and Conv1D weights stored
/// `[in, out]`. Older checkpoints lack the `transformer.` prefix.
final class Gpt2 implements Architecture {
    @Override
    public String modelType() {
        return "gpt2";
    }

    @Override
    public DecoderSpec describe(ModelConfig config, Predicate<String> has) {
        if (!config.booleanOr("scale_attn_weights", true)
                || config.booleanOr("scale_attn_by_inverse_layer_idx", false)) {
            throw config.unsupported(
                    "scale_attn_weights or scale_attn_by_inverse_layer_idx",
                    "another attention scale",
                    "attention scaled by the head width");
        }
        var heads = config.requireInt("n_head", 1, 1 << 14);
        return describe(config, has, heads, QkvOrder.CONCATENATED, Layout.IN_OUT);
    }

    @Override
    public String layersKey() {
        return "n_layer";
    }

    @Override
    public boolean ignores(String name) {
        return name.endsWith(".attn.bias") || name.endsWith(".attn.masked_bias");
    }

    /// The GPT-2 block, also BigCode's.
    ///
    /// @param kvHeads key/value heads
    /// @param order rows of the fused matrix
    /// @param layout how weights are stored
    static DecoderSpec describe(ModelConfig config, Predicate<String> has, int kvHeads, QkvOrder order, Layout layout) {
        var hidden = config.requireInt("n_embd", 1, 1 << 20);
        var heads = config.requireInt("n_head", 1, 1 << 14);
        var headDim = hidden / heads;
        var inner = config.intOr("n_inner", 4 * hidden, 1, 1 << 22);
        var prefix = has.test("wte.weight") ? "" : "transformer.";
        var blocks = new ArrayList<Block>();
        for (var i = 0; i < config.requireInt("n_layer", 1, 1 << 12); i++) {
            var block = prefix + "h." + i + ".";
            var qkv = hidden + 2 * kvHeads * headDim;
            blocks.add(new Block(
                    i,
                    block + "ln_1",
                    block + "ln_2",
                    List.of(
                            new LinearSite(i, Role.QKV_PROJ, block + "attn.c_attn", hidden, qkv, true, layout),
                            new LinearSite(i, Role.O_PROJ, block + "attn.c_proj", hidden, hidden, true, layout),
                            new LinearSite(i, Role.UP_PROJ, block + "mlp.c_fc", hidden, inner, true, layout),
                            new LinearSite(i, Role.DOWN_PROJ, block + "mlp.c_proj", inner, hidden, true, layout)),
                    Heads.whole(headDim)));
        }
        return new DecoderSpec(
                config.modelType(),
                config.requireInt("vocab_size", 1, 1 << 24),
                hidden,
                heads,
                kvHeads,
                headDim,
                config.requireInt("n_positions", 1, Integer.MAX_VALUE),
                new Norm(Norm.Kind.LAYER, config.doubleOr("layer_norm_epsilon", 1e-5, Double.MIN_VALUE, 1)),
                Residual.NORM_FIRST,
                new Positions.Learned(prefix + "wpe"),
                activation(config),
                order,
                prefix + "wte",
                new Purpose.Decoder(
                        prefix + "ln_f", config.booleanOr("tie_word_embeddings", true) ? prefix + "wte" : "lm_head"),
                blocks);
    }

    private static Activation activation(ModelConfig config) {
        var name = config.textOr("activation_function", "gelu_new");
        return switch (name) {
            case "gelu_new", "gelu_pytorch_tanh", "gelu_fast" -> Activation.GELU_TANH;
            case "gelu" -> Activation.GELU;
            case "relu" -> Activation.RELU;
            case "silu", "swish" -> Activation.SILU;
            default -> throw config.unsupported("activation_function", name, "gelu_new, gelu, relu or silu");
        };
    }
}
