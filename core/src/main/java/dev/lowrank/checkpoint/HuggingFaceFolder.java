package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/// A model folder as Hugging Face lays it out: `config.json`, `model.safetensors` or shards with an index,
/// tokenizer files. Pickle weights are never opened and no code of the folder is ever run.
public final class HuggingFaceFolder implements Checkpoint {
    private static final String CONFIG = "config.json";
    private static final Set<String> SIDECARS = Set.of(
            "special_tokens_map.json",
            "added_tokens.json",
            "generation_config.json",
            "chat_template.jinja",
            "chat_template.json",
            "vocab.json",
            "vocab.txt",
            "merges.txt",
            "tokenizer.model",
            "spiece.model",
            "sentencepiece.bpe.model",
            SentenceModules.MODULES,
            "sentence_bert_config.json",
            "config_sentence_transformers.json");

    private final Path path;
    private final ModelConfig config;
    private final ShardSet shards;
    private final StoredBlocks blocks;
    private final List<Path> sidecars;
    /// Names in the files by the names that tensors go by, where they differ.
    private final Map<String, String> stored;
    private final SortedSet<String> names;
    private boolean closed;

    private HuggingFaceFolder(Path path, ModelConfig config, ShardSet shards, List<Path> sidecars) {
        this.path = path;
        this.config = config;
        this.shards = shards;
        this.blocks = StoredBlocks.of(config);
        this.sidecars = sidecars;
        this.stored = new HashMap<>();
        var all = new TreeSet<String>();
        for (var name : shards.holders().keySet()) {
            var known = modern(name);
            if (!known.equals(name)) {
                stored.put(known, name);
            }
            all.add(known);
        }
        this.names = Collections.unmodifiableSortedSet(all);
    }

    /// Layer norms of checkpoints that were converted from TensorFlow have other names for scale and shift.
    private static String modern(String name) {
        return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias");
    }

    /// @param path a model folder
    /// @return the open folder
    /// @throws CheckpointException if it is incomplete or breaks a rule of a format
    public static HuggingFaceFolder open(Path path) {
        var names = list(path);
        if (names.contains(OutputFolder.LOCK_FILE) && !names.contains(Manifest.FILE_NAME)) {
            throw incomplete(path);
        }
        var folder = openUnfinished(path);
        if (folder.config.lowrank() != null && !names.contains(Manifest.FILE_NAME)) {
            folder.close();
            throw incomplete(path);
        }
        return folder;
    }

    /// Opens a folder that may lack its manifest, so that an output can be checked before it is declared
    /// finished.
    static HuggingFaceFolder openUnfinished(Path path) {
        var names = list(path);
        var paths = SafePaths.of(path);
        if (!ShardSet.isThere(paths)) {
            for (var name : names) {
                if (Pickles.isPickle(name.toLowerCase(Locale.ROOT))) {
                    throw Pickles.refusal(path);
                }
            }
            throw new CheckpointException(
                    Code.NO_WEIGHTS,
                    path,
                    "The folder has neither model.safetensors nor " + WeightIndex.FILE_NAME + "; give a model folder");
        }
        if (!paths.exists(CONFIG)) {
            throw new CheckpointException(Code.CFG_MISSING, path, "The folder has no config.json; add the model's");
        }
        var config = ModelConfig.read(paths.shown(CONFIG), paths.real(CONFIG));
        return new HuggingFaceFolder(path, config, ShardSet.open(paths), sidecars(paths, names));
    }

    private static CheckpointException incomplete(Path path) {
        return new CheckpointException(
                Code.INCOMPLETE,
                path,
                "The folder is an unfinished output (it has no " + Manifest.FILE_NAME + "); run the command that wrote"
                        + " it again to finish it");
    }

    private static List<String> list(Path path) {
        var names = new ArrayList<String>();
        try (var stream = Files.newDirectoryStream(path)) {
            for (var entry : stream) {
                names.add(String.valueOf(entry.getFileName()));
            }
        } catch (IOException e) {
            throw StoredFile.failure(path, e);
        }
        Collections.sort(names);
        return names;
    }

    private static List<Path> sidecars(SafePaths paths, List<String> names) {
        var found = new ArrayList<Path>();
        for (var name : names) {
            var tokenizer = name.startsWith("tokenizer") && name.endsWith(".json");
            if ((tokenizer || SIDECARS.contains(name)) && Files.isRegularFile(paths.real(name))) {
                found.add(paths.shown(name));
            }
        }
        found.addAll(SentenceModules.files(paths));
        return List.copyOf(found);
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public Set<String> names() {
        return names;
    }

    @Override
    public TensorInfo info(String name) {
        var file = stored.getOrDefault(name, name);
        var info = holder(file).info(file);
        return blocks.info(config, file.equals(name) ? info : info.named(name));
    }

    @Override
    public HostTensor read(String name) {
        if (closed) {
            throw new IllegalStateException("The checkpoint " + path + " is closed");
        }
        var file = stored.getOrDefault(name, name);
        return blocks.tensor(config, name, holder(file).tensor(file));
    }

    @Override
    public void release(String name) {
        read(name).release();
    }

    private SafetensorsFile holder(String name) {
        var file = shards.holders().get(name);
        if (file != null) {
            return file;
        }
        for (var shard : shards.files()) {
            if (shard.unsupported().containsKey(name)) {
                return shard;
            }
        }
        throw new CheckpointException(
                Code.NO_SUCH_TENSOR, path, -1, name, "The checkpoint has no such tensor; is it complete?", null);
    }

    @Override
    public long weightBytes() {
        var total = 0L;
        for (var shard : shards.files()) {
            total += shard.bytes();
        }
        return total;
    }

    @Override
    public List<Path> sidecars() {
        return sidecars;
    }

    @Override
    public void close() {
        closed = true;
        shards.files().forEach(SafetensorsFile::close);
    }
}
