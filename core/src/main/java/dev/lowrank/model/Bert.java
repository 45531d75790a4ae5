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
import dev.lowrank.model.EncoderParts.Classifier;
import dev.lowrank.model.EncoderParts.MaskedHead;
import dev.lowrank.model.LinearSite.Layout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// BERT and the encoders that share its configuration (MiniLM, BGE, E5): layer norms after each sum,
/// learned positions, segments, biases everywhere. Checkpoints of the bare model lack the `bert.` prefix.
/// Which heads there are, the tensors say.
final class Bert implements Architecture {
    private static final String MASKED = "cls.predictions.";

    @Override
    public String modelType() {
        return "bert";
    }

    @Override
    public boolean ignores(String name) {
        return name.endsWith("embeddings.position_ids")
                || name.startsWith("cls.seq_relationship.")
                || name.equals(MASKED + "decoder.weight") // where it is the embedding again
                || name.equals(MASKED + "decoder.bias"); // always the same as its other name
    }

    @Override
    public DecoderSpec describe(ModelConfig config, Predicate<String> has) {
        refuseVariants(config);
        var hidden = config.requireInt("hidden_size", 1, 1 << 20);
        var heads = config.requireInt("num_attention_heads", 1, 1 << 14);
        if (hidden % heads != 0) {
            throw config.range("num_attention_heads", String.valueOf(heads), "a divisor of hidden_size, " + hidden);
        }
        var prefix = has.test("embeddings.word_embeddings.weight") ? "" : "bert.";
        var table = prefix + "embeddings.";
        return new DecoderSpec(
                config.modelType(),
                config.requireInt("vocab_size", 1, 1 << 24),
                hidden,
                heads,
                heads,
                hidden / heads,
                config.intOr("max_position_embeddings", 512, 1, Integer.MAX_VALUE),
                new Norm(Norm.Kind.LAYER, config.doubleOr("layer_norm_eps", 1e-12, 0, 1)),
                Residual.NORM_LAST,
                new Positions.Learned(table + "position_embeddings"),
                activation(config),
                QkvOrder.CONCATENATED,
                table + "word_embeddings",
                new Purpose.Encoder(parts(config, has, prefix)),
                blocks(config, prefix, hidden, hidden / heads));
    }

    private static void refuseVariants(ModelConfig config) {
        var positions = config.textOr("position_embedding_type", "absolute");
        if (!positions.equals("absolute")) {
            throw config.unsupported("position_embedding_type", positions, "absolute");
        }
        if (config.booleanOr("is_decoder", false)) {
            throw config.unsupported("is_decoder", "true", "an encoder");
        }
    }

    private static List<Block> blocks(ModelConfig config, String prefix, int hidden, int headDim) {
        var inner = config.requireInt("intermediate_size", 1, 1 << 22);
        var blocks = new ArrayList<Block>();
        for (var i = 0; i < config.requireInt("num_hidden_layers", 1, 1 << 12); i++) {
            var layer = prefix + "encoder.layer." + i + ".";
            var attention = layer + "attention.self.";
            blocks.add(new Block(
                    i,
                    layer + "attention.output.LayerNorm",
                    layer + "output.LayerNorm",
                    List.of(
                            site(i, Role.Q_PROJ, attention + "query", hidden, hidden),
                            site(i, Role.K_PROJ, attention + "key", hidden, hidden),
                            site(i, Role.V_PROJ, attention + "value", hidden, hidden),
                            site(i, Role.O_PROJ, layer + "attention.output.dense", hidden, hidden),
                            site(i, Role.UP_PROJ, layer + "intermediate.dense", hidden, inner),
                            site(i, Role.DOWN_PROJ, layer + "output.dense", inner, hidden)),
                    Heads.whole(headDim)));
        }
        return blocks;
    }

    private static LinearSite site(int layer, Role role, String name, int in, int out) {
        return new LinearSite(layer, role, name, in, out, true, Layout.OUT_IN);
    }

    private static EncoderParts parts(ModelConfig config, Predicate<String> has, String prefix) {
        var pooler = prefix + "pooler.dense";
        var pooled = has.test(pooler + ".weight");
        var classified = has.test("classifier.weight");
        if (classified && !pooled) {
            throw config.unsupported(
                    "architectures",
                    "a classifier of single tokens",
                    "a classifier of whole texts, which reads what a pooler gives, or no classifier");
        }
        return new EncoderParts(
                prefix + "embeddings.token_type_embeddings",
                config.intOr("type_vocab_size", 2, 1, 1 << 16),
                prefix + "embeddings.LayerNorm",
                pooled ? Optional.of(pooler) : Optional.empty(),
                has.test(MASKED + "transform.dense.weight")
                        ? Optional.of(masked(config, has, prefix))
                        : Optional.empty(),
                classified ? Optional.of(new Classifier("classifier", labels(config))) : Optional.empty());
    }

    private static MaskedHead masked(ModelConfig config, Predicate<String> has, String prefix) {
        var tied = config.booleanOr("tie_word_embeddings", true) || !has.test(MASKED + "decoder.weight");
        return new MaskedHead(
                MASKED + "transform.dense",
                MASKED + "transform.LayerNorm",
                tied ? prefix + "embeddings.word_embeddings" : MASKED + "decoder",
                has.test(MASKED + "bias") ? MASKED + "bias" : MASKED + "decoder.bias");
    }

    /// The labels in the order of their numbers, which is that of the classifier's rows.
    private static List<String> labels(ModelConfig config) {
        var named = config.json().path("id2label");
        var count = named.isObject() ? named.size() : config.intOr("num_labels", 2, 1, 1 << 20);
        var labels = new ArrayList<String>();
        for (var i = 0; i < count; i++) {
            var label = named.path(String.valueOf(i));
            if (named.isObject() && !label.isString()) {
                throw config.range("id2label", named.toString(), "a text for each number from 0 on");
            }
            labels.add(label.asString("LABEL_" + i));
        }
        return labels;
    }

    private static Activation activation(ModelConfig config) {
        var name = config.textOr("hidden_act", "gelu");
        return switch (name) {
            case "gelu" -> Activation.GELU;
            case "gelu_new", "gelu_pytorch_tanh", "gelu_fast" -> Activation.GELU_TANH;
            case "relu" -> Activation.RELU;
            case "silu", "swish" -> Activation.SILU;
            default -> throw config.unsupported("hidden_act", name, "gelu, gelu_new, relu or silu");
        };
    }
}
