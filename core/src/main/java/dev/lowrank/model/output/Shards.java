package dev.lowrank.model.output;

import dev.lowrank.checkpoint.OutputFolder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// Writes tensors as one `model.safetensors`, or as numbered shards with an index where they are large.
public final class Shards {
    /// Largest shard, as the Hugging Face writers choose it.
    public static final long MOST_BYTES = 5_000_000_000L;

    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private Shards() {}

    /// Writes all tensors in the given order of shards.
    ///
    /// @param mostBytes largest shard; a single larger tensor gets a shard of its own
    public static void write(OutputFolder folder, List<OutputTensor> tensors, long mostBytes) {
        var shards = split(tensors, mostBytes);
        if (shards.size() == 1) {
            writeFile(folder, "model.safetensors", shards.getFirst());
            return;
        }
        var places = new TreeMap<String, String>();
        for (var i = 0; i < shards.size(); i++) {
            var file = String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size());
            writeFile(folder, file, shards.get(i));
            shards.get(i).forEach(tensor -> places.put(tensor.name(), file));
        }
        var index = JSON.createObjectNode();
        index.putObject("metadata")
                .put(
                        "total_size",
                        tensors.stream().mapToLong(OutputTensor::bytes).sum());
        var map = index.putObject("weight_map");
        places.forEach(map::put);
        folder.write(
                "model.safetensors.index.json", JSON.writeValueAsString(index).getBytes(StandardCharsets.UTF_8));
    }

    /// Writes one file.
    public static void writeFile(OutputFolder folder, String file, List<OutputTensor> tensors) {
        try (var writer = folder.safetensors(
                file, tensors.stream().map(OutputTensor::entry).toList())) {
            for (var tensor : tensors) {
                tensor.writeTo(writer);
            }
            writer.finish();
        }
    }

    private static List<List<OutputTensor>> split(List<OutputTensor> tensors, long mostBytes) {
        var shards = new ArrayList<List<OutputTensor>>();
        var current = new ArrayList<OutputTensor>();
        var bytes = 0L;
        for (var tensor : tensors) {
            if (!current.isEmpty() && bytes + tensor.bytes() > mostBytes) {
                shards.add(List.copyOf(current));
                current.clear();
                bytes = 0;
            }
            current.add(tensor);
            bytes += tensor.bytes();
        }
        shards.add(List.copyOf(current));
        return shards;
    }
}
