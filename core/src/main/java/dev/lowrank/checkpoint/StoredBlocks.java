package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/// Tensors of a folder that hold quantised blocks. Safetensors has no such types: they are U8 `[rows, bytes
/// of a row]`, and the `lowrank` block of config.json names the type of each part of a site.
///
/// ```json
/// "sites": {"model.layers.0.mlp.up_proj": {"form": "factored", .., "types": {"a": "q4_0", "b": "q8_0"}}}
/// ```
///
/// A part `weight` is the tensor `SITE.weight`, any other the tensor `SITE.PART.weight`.
final class StoredBlocks {
    private final Map<String, DType> types;
    /// Tensors whose scales have been looked at.
    private final Set<String> sound = ConcurrentHashMap.newKeySet();

    private StoredBlocks(Map<String, DType> types) {
        this.types = types;
    }

    /// @throws CheckpointException for a type that is no block type
    static StoredBlocks of(ModelConfig config) {
        var types = new HashMap<String, DType>();
        var block = config.lowrank();
        if (block != null) {
            block.path("sites")
                    .properties()
                    .forEach(site -> site.getValue().path("types").properties().forEach(part -> {
                        var key = "lowrank.sites." + site.getKey() + ".types." + part.getKey();
                        types.put(
                                tensor(site.getKey(), part.getKey()),
                                type(config, key, part.getValue().asString("")));
                    }));
        }
        return new StoredBlocks(Map.copyOf(types));
    }

    private static String tensor(String site, String part) {
        return part.equals("weight") ? site + ".weight" : site + "." + part + ".weight";
    }

    private static DType type(ModelConfig config, String key, String name) {
        for (var type : DType.values()) {
            if (type.isBlocks() && type.name().toLowerCase(Locale.ROOT).equals(name)) {
                return type;
            }
        }
        throw config.unsupported(
                key,
                Printable.escape(name),
                Arrays.stream(DType.values())
                        .filter(DType::isBlocks)
                        .map(type -> type.name().toLowerCase(Locale.ROOT))
                        .collect(Collectors.joining(", ")));
    }

    /// What a tensor holds, which is what the file says unless it holds blocks.
    TensorInfo info(ModelConfig config, TensorInfo stored) {
        var type = types.get(stored.name());
        if (type == null) {
            return stored;
        }
        var shape = shape(config, stored.name(), type, stored.dtype(), stored.shape());
        return new TensorInfo(stored.name(), DType.F32, shape, stored.bytes(), type.name());
    }

    /// The same bytes as the blocks that they are.
    ///
    /// @throws CheckpointException if they are not whole rows of blocks, or a scale is not finite
    HostTensor tensor(ModelConfig config, String name, HostTensor stored) {
        var type = types.get(name);
        if (type == null) {
            return stored;
        }
        var blocks = new HostTensor(type, shape(config, name, type, stored.dtype(), stored.shape()), stored.data());
        var damaged = sound.contains(name) ? -1 : blocks.firstNonFiniteBlock();
        if (damaged >= 0) {
            throw new CheckpointException(
                    Code.NUM_NONFINITE,
                    config.file(),
                    -1,
                    name,
                    "Block " + damaged + " has a scale that is NaN or infinite; write the folder again",
                    null);
        }
        sound.add(name);
        return blocks;
    }

    private static Shape shape(ModelConfig config, String name, DType type, DType found, Shape stored) {
        if (found != DType.U8 || stored.rank() != 2 || stored.size(1) % type.blockBytes() != 0) {
            throw new CheckpointException(
                    Code.CFG_TENSOR_MISMATCH,
                    config.file(),
                    -1,
                    name,
                    "config.json says that it holds " + type + " blocks of " + type.blockBytes() + " bytes, but it is "
                            + found + " " + stored + "; expected U8 with rows of whole blocks",
                    null);
        }
        return Shape.of(stored.size(0), stored.size(1) / type.blockBytes() * type.blockWeights());
    }
}
