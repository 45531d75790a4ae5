package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// The open weight files of a folder, and which of them holds which tensor.
///
/// @param files all weight files
/// @param holders file by tensor name, sorted
record ShardSet(List<SafetensorsFile> files, SortedMap<String, SafetensorsFile> holders) {
    private static final String SINGLE = "model.safetensors";
    private static final int SHOWN = 20;

    static boolean isThere(SafePaths paths) {
        return paths.exists(SINGLE) || paths.exists(WeightIndex.FILE_NAME);
    }

    static ShardSet open(SafePaths paths) {
        var files = new LinkedHashMap<String, SafetensorsFile>();
        try {
            if (paths.exists(SINGLE)) {
                files.put(SINGLE, SafetensorsFile.open(paths.open(SINGLE)));
                return new ShardSet(List.copyOf(files.values()), holders(paths.shown(SINGLE), files));
            }
            return openShards(paths, files);
        } catch (RuntimeException e) {
            files.values().forEach(SafetensorsFile::close);
            throw e;
        }
    }

    private static ShardSet openShards(SafePaths paths, Map<String, SafetensorsFile> files) {
        var shown = paths.shown(WeightIndex.FILE_NAME);
        var bytes = paths.readSmall(WeightIndex.FILE_NAME, WeightIndex.maxBytes(), Code.IDX_LIMIT);
        var index = WeightIndex.parse(shown, bytes);
        var missing = new ArrayList<String>();
        for (var name : new TreeSet<>(index.files().values())) {
            if (paths.exists(name)) {
                files.put(name, SafetensorsFile.open(paths.open(name)));
            } else {
                missing.add(name);
            }
        }
        requireNone(shown, missing, "shards named by the index are missing");
        var holders = holders(shown, files);
        compare(shown, index, files, holders);
        return new ShardSet(List.copyOf(files.values()), holders);
    }

    private static SortedMap<String, SafetensorsFile> holders(Path shown, Map<String, SafetensorsFile> files) {
        var holders = new TreeMap<String, SafetensorsFile>();
        var twice = new ArrayList<String>();
        for (var file : files.values()) {
            for (var name : file.names()) {
                if (holders.put(name, file) != null) {
                    twice.add(name);
                }
            }
        }
        requireNone(shown, twice, "tensors are in two shards");
        return holders;
    }

    private static void compare(
            Path shown, WeightIndex index, Map<String, SafetensorsFile> files, Map<String, SafetensorsFile> holders) {
        var absent = new ArrayList<String>();
        index.files().forEach((name, shard) -> {
            var file = files.get(shard);
            if (file != null
                    && !file.names().contains(name)
                    && !file.unsupported().containsKey(name)) {
                absent.add(name);
            }
        });
        requireNone(shown, absent, "tensors are in the index but not in their shard");
        var unlisted = new ArrayList<>(holders.keySet());
        unlisted.removeIf(index.files()::containsKey);
        requireNone(shown, unlisted, "tensors are in a shard but not in the index");
        if (index.totalSize() >= 0
                && files.values().stream().allMatch(f -> f.unsupported().isEmpty())) {
            var total = 0L;
            for (var holder : holders.entrySet()) {
                total += holder.getValue().info(holder.getKey()).bytes();
            }
            if (total != index.totalSize()) {
                throw new CheckpointException(
                        Code.IDX_MISMATCH,
                        shown,
                        "The index says total_size " + index.totalSize() + " but the tensors take " + total + " bytes");
            }
        }
    }

    private static void requireNone(Path shown, List<String> names, String fault) {
        if (names.isEmpty()) {
            return;
        }
        var some = new ArrayList<String>();
        for (var name : names.subList(0, Math.min(SHOWN, names.size()))) {
            some.add(Printable.escape(name));
        }
        var more = names.size() > SHOWN ? " and " + (names.size() - SHOWN) + " more" : "";
        throw new CheckpointException(
                Code.IDX_MISMATCH,
                shown,
                names.size() + " " + fault + ": " + String.join(", ", some) + more + "; download the folder again");
    }
}
