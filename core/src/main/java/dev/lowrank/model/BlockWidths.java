package dev.lowrank.model;

import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.model.DecoderSpec.Heads;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// The widths of one block where they are its own, as the `blocks` list of the `lowrank` block of
/// `config.json` says, one element a block. The other keys of `config.json` keep the widths of the
/// original, by which the attention scores are scaled and the rotary pairs are counted.
///
/// ```json
/// "lowrank": {"version": 1, "sites": {}, "blocks": [
///     {"intermediate": 1240, "key_dim": 4, "value_dim": 52, "pairs": [[0, 7], [1, 2], [0, 1]]}]}
/// ```
///
/// @param intermediate width of the MLP's hidden state
/// @param heads widths of the attention heads
public record BlockWidths(int intermediate, Heads heads) {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /// The widths of every block.
    ///
    /// @param layers number of blocks
    /// @param whole widths of blocks of which the configuration says nothing
    /// @throws dev.lowrank.checkpoint.CheckpointException for a list that does not fit the model
    static List<BlockWidths> of(ModelConfig config, int layers, int kvHeads, BlockWidths whole) {
        var block = config.lowrank();
        var list = block == null ? null : block.get("blocks");
        if (list == null) {
            return Collections.nCopies(layers, whole);
        }
        if (!list.isArray() || list.size() != layers) {
            throw config.range("lowrank.blocks", list.size() + " elements", "one for each of " + layers + " blocks");
        }
        var all = new ArrayList<BlockWidths>();
        for (var i = 0; i < layers; i++) {
            all.add(read(config, "lowrank.blocks[" + i + "].", list.get(i), kvHeads, whole));
        }
        return all;
    }

    private static BlockWidths read(ModelConfig config, String key, JsonNode node, int kvHeads, BlockWidths whole) {
        var headDim = whole.heads().keyDim();
        var keyDim = width(config, key + "key_dim", node.path("key_dim"), headDim);
        var valueDim = width(config, key + "value_dim", node.path("value_dim"), headDim);
        var intermediate = width(config, key + "intermediate", node.path("intermediate"), whole.intermediate());
        if (keyDim % 2 != 0) {
            throw config.range(key + "key_dim", String.valueOf(keyDim), "an even number: rotary pairs are whole");
        }
        var pairs = new ArrayList<List<Integer>>();
        for (var head : node.path("pairs")) {
            pairs.add(pairs(config, key + "pairs", head, keyDim / 2, headDim / 2));
        }
        if (pairs.isEmpty() ? keyDim != headDim : pairs.size() != kvHeads) {
            throw config.range(key + "pairs", pairs.size() + " lists", "one for each of " + kvHeads + " key heads");
        }
        return new BlockWidths(intermediate, new Heads(keyDim, valueDim, pairs));
    }

    private static int width(ModelConfig config, String key, JsonNode node, int most) {
        return number(config, key, node, 1, most);
    }

    private static int number(ModelConfig config, String key, JsonNode node, int least, int most) {
        if (!node.isIntegralNumber() || node.intValue() < least || node.intValue() > most) {
            throw config.range(key, node.toString(), "a whole number from " + least + " to " + most);
        }
        return node.intValue();
    }

    private static List<Integer> pairs(ModelConfig config, String key, JsonNode list, int count, int most) {
        var pairs = new ArrayList<Integer>();
        for (var pair : list) {
            pairs.add(number(config, key, pair, 0, most - 1));
        }
        if (pairs.size() != count || new HashSet<>(pairs).size() != count) {
            throw config.range(key, pairs.toString(), count + " different pairs from 0 to " + (most - 1));
        }
        return pairs;
    }

    /// As `config.json` holds it.
    public ObjectNode json() {
        var node = JSON.createObjectNode();
        node.put("intermediate", intermediate);
        node.put("key_dim", heads.keyDim());
        node.put("value_dim", heads.valueDim());
        var lists = node.putArray("pairs");
        for (var head : heads.pairs()) {
            var list = lists.addArray();
            head.forEach(list::add);
        }
        return node;
    }
}
