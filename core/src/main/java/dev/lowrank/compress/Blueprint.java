package dev.lowrank.compress;

import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.model.Architectures;
import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

/// What model a run writes: its configuration, its description, and which block of the source each of its
/// blocks comes from.
///
/// @param config without element type and storage forms
/// @param spec what the configuration describes
/// @param origins the source's block behind each block, ascending
record Blueprint(ModelConfig config, DecoderSpec spec, List<Integer> origins) {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    Blueprint {
        origins = List.copyOf(origins);
    }

    /// The source's own shape.
    static Blueprint same(LanguageModel source) {
        return new Blueprint(source.checkpoint().config(), source.spec(), all(source));
    }

    private static List<Integer> all(LanguageModel source) {
        return IntStream.range(0, source.spec().blocks().size()).boxed().toList();
    }

    /// The source with some of its blocks.
    ///
    /// @param kept blocks that stay, ascending
    static Blueprint keeping(LanguageModel source, List<Integer> kept) {
        var config = source.checkpoint().config();
        var layers = source.spec().blocks().size();
        var changed = config.with(
                Architectures.of(config).layersKey(), JSON.getNodeFactory().numberNode(kept.size()));
        if (config.json().get("layer_types") instanceof ArrayNode types && types.size() == layers) {
            var list = JSON.createArrayNode();
            kept.forEach(block -> list.add(types.get(block)));
            changed = changed.with("layer_types", list);
        }
        return new Blueprint(changed, describe(source, changed), kept);
    }

    /// The source with narrower blocks.
    ///
    /// @param widths of each block
    static Blueprint narrowed(LanguageModel source, List<BlockWidths> widths) {
        var block = JSON.createObjectNode().put("version", 1);
        block.putObject("sites");
        var list = block.putArray("blocks");
        widths.forEach(each -> list.add(each.json()));
        var config = source.checkpoint().config().with("lowrank", block);
        return new Blueprint(config, describe(source, config), all(source));
    }

    /// The source with a narrower residual stream.
    ///
    /// @param width of the stream
    /// @param epsilon of the norms over it
    /// @param tied whether the head stays the embedding
    static Blueprint streaming(LanguageModel source, int width, double epsilon, boolean tied) {
        var numbers = JSON.getNodeFactory();
        var config = source.checkpoint()
                .config()
                .with("hidden_size", numbers.numberNode(width))
                .with("head_dim", numbers.numberNode(source.spec().headDim())) // else taken from the width
                .with("rms_norm_eps", numbers.numberNode(epsilon))
                .with("tie_word_embeddings", numbers.booleanNode(tied));
        return new Blueprint(config, describe(source, config), all(source));
    }

    private static DecoderSpec describe(LanguageModel source, ModelConfig config) {
        return Architectures.of(config)
                .describe(config, name -> source.checkpoint().names().contains(name));
    }

    /// Where a block of the source went.
    int place(int origin) {
        return origins.indexOf(origin);
    }

    /// A site as it is written.
    ///
    /// @param site of a block of the source that stays
    LinearSite written(LinearSite site) {
        return spec.blocks().get(place(site.layer())).require(site.role());
    }

    /// The names under which the norms of the blocks that stay are written, by their names in the source.
    Map<String, String> norms(DecoderSpec source) {
        var names = new LinkedHashMap<String, String>();
        for (var i = 0; i < origins.size(); i++) {
            var from = source.blocks().get(origins.get(i));
            var to = spec.blocks().get(i);
            names.put(from.attentionNorm(), to.attentionNorm());
            names.put(from.mlpNorm(), to.mlpNorm());
        }
        return names;
    }

    /// A block as it is written, with the source's norms.
    Block running(Block origin) {
        var written = spec.blocks().get(place(origin.index()));
        return new Block(origin.index(), origin.attentionNorm(), origin.mlpNorm(), written.sites(), written.heads());
    }
}
