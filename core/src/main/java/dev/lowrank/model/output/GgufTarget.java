package dev.lowrank.model.output;

import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.model.Architectures;
import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.DecoderSpec.Activation;
import dev.lowrank.model.DecoderSpec.Heads;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteForms;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// What a model becomes for llama.cpp: which of its architectures runs it, and the widths that it has
/// there.
///
/// Blocks whose MLPs are of different widths are architecture `deci`, which has a width for each block,
/// turns rotary partners side by side and takes every bias. Its heads are all of one width, so cut heads
/// get zeros in place of what was cut.
///
/// @param model the model that is exported
/// @param architecture `general.architecture`
/// @param spec the model as it is written
/// @param biased roles that have a bias in every block
record GgufTarget(LanguageModel model, String architecture, DecoderSpec spec, Set<Role> biased) {
    private static final Set<Role> ATTENTION = EnumSet.of(Role.Q_PROJ, Role.K_PROJ, Role.V_PROJ, Role.O_PROJ);
    private static final Set<Role> MLP = EnumSet.of(Role.GATE_PROJ, Role.UP_PROJ, Role.DOWN_PROJ);
    /// Rows of this length are whole blocks of every type that has small ones.
    private static final int WIDTH_STEP = 32;

    /// @param form null to keep what is stored
    /// @throws dev.lowrank.checkpoint.CheckpointException for a model that llama.cpp has no architecture
    ///     for
    static GgufTarget of(LanguageModel model, @Nullable GgufForm form) {
        var config = model.checkpoint().config();
        return switch (config.modelType()) {
            case "llama", "qwen2" -> gated(model, config, form);
            case "gpt2", "gpt_bigcode" -> gpt(model, config);
            default ->
                throw config.unsupported(
                        "model_type",
                        config.modelType() + ", which is not written as GGUF",
                        "llama, qwen2, gpt2 or gpt_bigcode");
        };
    }

    private static GgufTarget gpt(LanguageModel model, ModelConfig config) {
        if (model.spec().activation() != Activation.GELU_TANH) {
            throw config.unsupported(
                    "activation_function",
                    config.textOr("activation_function", "gelu_new"),
                    "gelu_new or gelu_pytorch_tanh: llama.cpp computes no other in this architecture");
        }
        var name = config.modelType().equals("gpt2") ? "gpt2" : "starcoder";
        var roles = model.spec().sites().map(LinearSite::role).collect(Collectors.toSet());
        return new GgufTarget(model, name, model.spec(), roles);
    }

    private static GgufTarget gated(LanguageModel model, ModelConfig config, @Nullable GgufForm form) {
        var spec = widened(model, config, form);
        var biased = biased(model, config);
        var widths = spec.blocks().stream()
                .map(block -> block.require(Role.UP_PROJ).out())
                .distinct()
                .count();
        var own = config.modelType();
        // What llama.cpp calls qwen2 has biases on q, k and v and nowhere else.
        var gained = own.equals("qwen2") && !biased.equals(EnumSet.of(Role.Q_PROJ, Role.K_PROJ, Role.V_PROJ));
        var architecture = widths > 1 ? "deci" : gained ? "llama" : own;
        if (!architecture.equals("qwen2") && biased.stream().anyMatch(ATTENTION::contains)) {
            biased.addAll(ATTENTION);
        }
        return new GgufTarget(model, architecture, spec, biased);
    }

    private static Set<Role> biased(LanguageModel model, ModelConfig config) {
        var forms = SiteForms.of(config);
        var roles = EnumSet.noneOf(Role.class);
        model.spec().sites().filter(forms::hasBias).forEach(site -> roles.add(site.role()));
        if (roles.stream().anyMatch(MLP::contains)) {
            roles.addAll(MLP);
        }
        return roles;
    }

    /// The model with whole heads, and MLPs a little wider where their rows would not be whole blocks.
    private static DecoderSpec widened(LanguageModel model, ModelConfig config, @Nullable GgufForm form) {
        var block = config.lowrank();
        if (block == null || !block.has("blocks")) {
            return model.spec();
        }
        var blocked = form != null && form.dtype().isBlocks();
        var widths = new ArrayList<BlockWidths>();
        for (var each : model.spec().blocks()) {
            var inner = each.require(Role.UP_PROJ).out();
            var whole = blocked ? (inner + WIDTH_STEP - 1) / WIDTH_STEP * WIDTH_STEP : inner;
            var most = config.requireInt("intermediate_size", 1, Integer.MAX_VALUE);
            widths.add(new BlockWidths(
                    Math.max(inner, Math.min(whole, most)),
                    Heads.whole(model.spec().headDim())));
        }
        var shape = ((ObjectNode) block).deepCopy();
        var list = shape.putArray("blocks");
        widths.forEach(width -> list.add(width.json()));
        var wide = config.with("lowrank", shape);
        return Architectures.of(wide)
                .describe(wide, name -> model.checkpoint().names().contains(name));
    }

    /// How narrow weights become those that are written.
    Widening widening() {
        return new Widening(model.spec(), spec);
    }

    /// Whether rotary partners stand side by side in the rows of queries and keys.
    boolean pairsRows() {
        return architecture.equals("llama") || architecture.equals("deci");
    }

    /// The width of each block's MLP.
    List<Integer> inner() {
        return spec.blocks().stream()
                .map(block -> block.require(Role.UP_PROJ).out())
                .toList();
    }

    /// What was changed besides the types, one sentence each.
    List<String> notes() {
        var notes = new ArrayList<String>();
        var forms = SiteForms.of(model.checkpoint().config());
        var merged = model.spec()
                .sites()
                .filter(site -> !forms.form(site).equals("dense"))
                .count();
        if (merged > 0) {
            notes.add(merged + " compressed linears were multiplied back into dense matrices: GGUF has no factors, so"
                    + " the file has the compressed model's quality and the original's size.");
        }
        var heads = model.spec().blocks().stream()
                .filter(block -> block.heads().keyDim() != spec.headDim()
                        || block.heads().valueDim() != spec.headDim())
                .count();
        if (heads > 0) {
            notes.add("The cut attention heads of " + heads + " blocks got zeros where they were cut: llama.cpp has one"
                    + " head width for all blocks.");
        }
        var padded = model.spec().blocks().stream()
                .filter(block -> block.require(Role.UP_PROJ).out()
                        != spec.blocks()
                                .get(block.index())
                                .require(Role.UP_PROJ)
                                .out())
                .count();
        if (padded > 0) {
            notes.add("The MLPs of " + padded + " blocks got zeros up to a width that is whole blocks of " + WIDTH_STEP
                    + ".");
        }
        if (architecture.equals("deci")) {
            notes.add("The blocks keep MLP widths of their own, as architecture deci.");
        } else if (!architecture.equals(model.spec().modelType()) && architecture.equals("llama")) {
            notes.add("Written as architecture llama, which has the biases that the model gained.");
        }
        return notes;
    }
}
