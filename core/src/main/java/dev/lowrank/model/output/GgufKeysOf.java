package dev.lowrank.model.output;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.GgufFile;
import dev.lowrank.checkpoint.GgufKeys;
import dev.lowrank.checkpoint.RopeParameters;
import dev.lowrank.model.DecoderSpec.Norm;
import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Rope;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.text.GgufVocabulary;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/// The metadata of a GGUF file: what the model is and how it spells text. From another GGUF file all keys
/// are kept as they are.
final class GgufKeysOf {
    private static final String TOKENS = "tokenizer.ggml.";

    private GgufKeysOf() {}

    /// @param fileType `general.file_type`; negative to keep that of the source
    /// @param quantised whether a tensor is in blocks
    static GgufKeys of(GgufTarget target, int fileType, boolean quantised) {
        GgufKeys keys;
        if (target.model().checkpoint() instanceof GgufFile file) {
            keys = GgufKeys.of(file.metadata());
            keys.without("split.no").without("split.count").without("split.tensors.count");
        } else {
            keys = new GgufKeys();
            describe(keys, target);
            tokenizer(keys, target);
        }
        if (fileType >= 0) {
            keys.u32("general.file_type", fileType);
        }
        return quantised ? keys.u32("general.quantization_version", 2) : keys;
    }

    private static void describe(GgufKeys keys, GgufTarget target) {
        var spec = target.spec();
        var architecture = target.architecture();
        var prefix = architecture + ".";
        keys.text("general.architecture", architecture).text("general.type", "model");
        var name =
                target.model().checkpoint().path().toAbsolutePath().normalize().getFileName();
        keys.text("general.name", String.valueOf(name));
        keys.u32(prefix + "block_count", spec.blocks().size());
        keys.u32(prefix + "context_length", spec.maxPositions());
        keys.u32(prefix + "embedding_length", spec.hiddenSize());
        keys.u32(prefix + "vocab_size", spec.vocabSize());
        widths(keys, target, prefix);
        var norm = spec.norm().kind() == Norm.Kind.RMS ? "layer_norm_rms_epsilon" : "layer_norm_epsilon";
        keys.f32(prefix + "attention." + norm, spec.norm().epsilon());
        if (spec.positions() instanceof Positions.Rotary) {
            keys.u32(prefix + "attention.key_length", spec.headDim());
            keys.u32(prefix + "attention.value_length", spec.headDim());
            keys.u32(prefix + "rope.dimension_count", spec.headDim());
            rope(keys, target.model(), prefix + "rope.");
        }
    }

    private static void widths(GgufKeys keys, GgufTarget target, String prefix) {
        var spec = target.spec();
        var inner = target.inner();
        if (target.architecture().equals("deci")) {
            keys.ints(prefix + "feed_forward_length", array(inner));
            keys.ints(prefix + "attention.head_count", array(Collections.nCopies(inner.size(), spec.heads())));
            keys.ints(prefix + "attention.head_count_kv", array(Collections.nCopies(inner.size(), spec.kvHeads())));
        } else {
            keys.u32(prefix + "feed_forward_length", inner.getFirst());
            keys.u32(prefix + "attention.head_count", spec.heads());
            keys.u32(prefix + "attention.head_count_kv", spec.kvHeads());
        }
    }

    private static int[] array(List<Integer> values) {
        return values.stream().mapToInt(Integer::intValue).toArray();
    }

    private static void rope(GgufKeys keys, LanguageModel model, String prefix) {
        var parameters = model.checkpoint().config().rope();
        keys.f32(prefix + "freq_base", parameters.theta());
        switch (parameters.type()) {
            case "linear" ->
                keys.text(prefix + "scaling.type", "linear")
                        .f32(prefix + "scaling.factor", parameters.numberOr("factor", 1));
            case "yarn" -> yarn(keys, model, parameters, prefix);
            default -> {
                // llama3 is a tensor of its own; dynamic changes nothing up to the context length.
            }
        }
    }

    private static void yarn(GgufKeys keys, LanguageModel model, RopeParameters parameters, String prefix) {
        var factor = parameters.numberOr("factor", 1);
        var usual = 0.1 * Math.log(factor) + 1;
        if (Math.abs(parameters.numberOr("attention_factor", usual) - usual) > 1e-6
                || parameters.numberOr("beta_fast", 32) != 32
                || parameters.numberOr("beta_slow", 1) != 1) {
            throw unsupported(model, "yarn with an attention factor or betas of its own", "yarn with the usual ones");
        }
        var original = parameters.numberOr(
                "original_max_position_embeddings", model.spec().maxPositions());
        keys.text(prefix + "scaling.type", "yarn")
                .f32(prefix + "scaling.factor", factor)
                .u32(prefix + "scaling.original_context_length", (long) original);
    }

    /// Llama 3 divides each rotary frequency by a number of its own; llama.cpp reads them as a tensor.
    static Optional<HostTensor> rotaryDivisors(LanguageModel model) {
        var parameters = model.checkpoint().config().rope();
        if (!parameters.type().equals("llama3")
                || !(model.spec().positions() instanceof Positions.Rotary(Rope scaled))) {
            return Optional.empty();
        }
        var frequencies = scaled.inverseFrequencies();
        var divisors = new float[frequencies.length];
        for (var i = 0; i < divisors.length; i++) {
            var plain = Math.pow(parameters.theta(), -2.0 * i / model.spec().headDim());
            divisors[i] = (float) (plain / frequencies[i]);
        }
        return Optional.of(HostTensor.ofFloats(divisors, divisors.length));
    }

    private static CheckpointException unsupported(LanguageModel model, String found, String expected) {
        return model.checkpoint().config().unsupported("rope_parameters", found, expected);
    }

    private static void tokenizer(GgufKeys keys, GgufTarget target) {
        GgufVocabulary v;
        try (var tokenizer = target.model().tokenizer()) {
            v = tokenizer.toGguf(target.spec().vocabSize());
        }
        keys.text(TOKENS + "model", v.model());
        keys.text(TOKENS + "pre", v.pre());
        keys.texts(TOKENS + "tokens", v.tokens());
        keys.ints(TOKENS + "token_type", v.types());
        if (v.scores().length > 0) {
            keys.floats(TOKENS + "scores", v.scores()).bool(TOKENS + "add_space_prefix", true);
        }
        if (v.model().equals("gpt2")) {
            keys.texts(TOKENS + "merges", v.merges());
        }
        token(keys, "bos_token_id", v.bos());
        token(keys, "eos_token_id", v.eos());
        token(keys, "unknown_token_id", v.unknown());
        token(keys, "padding_token_id", v.padding());
        keys.bool(TOKENS + "add_bos_token", v.addBos());
        if (v.chatTemplate() != null) {
            keys.text("tokenizer.chat_template", v.chatTemplate());
        }
    }

    private static void token(GgufKeys keys, String name, int id) {
        if (id >= 0) {
            keys.u32(TOKENS + name, id);
        }
    }
}
