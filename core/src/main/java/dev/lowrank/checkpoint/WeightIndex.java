package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/// `model.safetensors.index.json`: which shard holds which tensor.
///
/// @param files shard file name by tensor name
/// @param totalSize bytes of all tensors, or -1 if the index does not say
public record WeightIndex(Map<String, String> files, long totalSize) {
    /// The name transformers looks for.
    public static final String FILE_NAME = "model.safetensors.index.json";

    private static final long MAX_BYTES = 100L << 20;
    private static final int MAX_ENTRIES = 500_000;

    public WeightIndex {
        files = Collections.unmodifiableMap(new TreeMap<>(files));
    }

    /// @param shard number from 1
    /// @param shards how many there are
    /// @return the file name transformers gives a shard
    public static String shardName(int shard, int shards) {
        return String.format("model-%05d-of-%05d.safetensors", shard, shards);
    }

    static WeightIndex parse(Path file, byte[] bytes) {
        if (bytes.length > MAX_BYTES) {
            throw new CheckpointException(Code.IDX_LIMIT, file, "The index has " + bytes.length + " bytes");
        }
        var root = Json.parse(file, bytes, Code.IDX_BAD, Code.IDX_LIMIT);
        var map = root.get("weight_map");
        if (map == null || !map.isObject()) {
            throw new CheckpointException(Code.IDX_BAD, file, "The index has no weight_map object");
        }
        if (map.size() > MAX_ENTRIES) {
            throw new CheckpointException(
                    Code.IDX_LIMIT, file, "The index has " + map.size() + " tensors; at most " + MAX_ENTRIES);
        }
        var files = new TreeMap<String, String>();
        for (var property : map.properties()) {
            if (!property.getValue().isString()) {
                throw new CheckpointException(
                        Code.IDX_BAD, file, -1, property.getKey(), "weight_map must give a file name", null);
            }
            var name = property.getValue().stringValue();
            SafePaths.requirePlain(file, name);
            files.put(property.getKey(), name);
        }
        var total = root.path("metadata").path("total_size");
        return new WeightIndex(files, total.isNumber() && total.canConvertToLong() ? total.longValue() : -1);
    }

    static long maxBytes() {
        return MAX_BYTES;
    }

    /// @return the bytes to write as [#FILE_NAME]
    public byte[] toBytes() {
        var root = Json.object();
        root.putObject("metadata").put("total_size", totalSize);
        var map = root.putObject("weight_map");
        files.forEach(map::put);
        return Json.write(root);
    }
}
