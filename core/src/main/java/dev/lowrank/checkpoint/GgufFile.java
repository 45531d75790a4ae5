package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/// A GGUF file of llama, deci or qwen2 type, shown as the Hugging Face checkpoint it was made from:
/// configuration and names in
/// that spelling, blocks as they are stored, the row order of llama's query and key projections undone.
///
/// Source: the GGUF description and converters, github.com/ggml-org.
public final class GgufFile implements Checkpoint {
    private final StoredFile file;
    private final GgufHeader header;
    private final GgufMetadata metadata;
    private final ModelConfig config;
    private final Map<String, GgufHeader.Tensor> tensors;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment mapping;
    /// Tensors whose scales were found to be finite.
    private final Set<String> sound = ConcurrentHashMap.newKeySet();

    private GgufFile(StoredFile file, GgufHeader header) {
        this.file = file;
        this.header = header;
        this.metadata = header.metadata();
        this.config = GgufConfig.of(header, metadata);
        this.tensors = rename();
        this.mapping = file.map(arena);
    }

    /// @param path a GGUF file
    /// @return the open file
    /// @throws CheckpointException if it breaks a rule of the format (`GG_*`) or is of an unsupported
    ///     architecture
    public static GgufFile open(Path path) {
        var file = StoredFile.open(path);
        try {
            return new GgufFile(file, GgufHeader.read(file));
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private Map<String, GgufHeader.Tensor> rename() {
        var blocks = config.requireInt("num_hidden_layers", 1, Integer.MAX_VALUE);
        var renamed = new TreeMap<String, GgufHeader.Tensor>();
        for (var tensor : header.tensors().values()) {
            if (tensor.name().equals(GgufNames.ROPE_FREQUENCIES)) {
                continue;
            }
            var name = GgufNames.toHuggingFace(tensor.name(), blocks);
            if (name == null) {
                throw new CheckpointException(
                        Code.CFG_UNSUPPORTED,
                        path(),
                        header.dataStart() + tensor.offset(),
                        tensor.name(),
                        "A " + config.modelType() + " of " + blocks + " blocks has no such tensor",
                        null);
            }
            renamed.put(name, tensor);
        }
        return renamed;
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    /// @return the file's own keys and values
    public GgufMetadata metadata() {
        return metadata;
    }

    /// @return the tokenizer in the file
    /// @throws CheckpointException `GG_VOCAB` if there is none or it is malformed
    public GgufTokenizerData tokenizer() {
        return GgufTokenizerData.of(metadata);
    }

    /// The divisors of the rotary frequencies as the file has them; the configuration says the same in
    /// numbers.
    ///
    /// @return F32 `[headDim / 2]`, valid until [#close]
    public Optional<HostTensor> rotaryDivisors() {
        return Optional.ofNullable(header.tensors().get(GgufNames.ROPE_FREQUENCIES))
                .map(this::stored);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(tensors.keySet());
    }

    @Override
    public TensorInfo info(String name) {
        var tensor = tensor(name);
        return new TensorInfo(
                name,
                tensor.type().valueType(),
                tensor.shape(),
                tensor.bytes(),
                tensor.type().name());
    }

    @Override
    public HostTensor read(String name) {
        var tensor = tensor(name);
        var stored = stored(tensor);
        try {
            requireFinite(tensor, stored);
            return restoreRows(name, stored);
        } catch (InternalError e) {
            throw file.changed(e);
        }
    }

    @Override
    public void release(String name) {
        stored(tensor(name)).release();
    }

    /// The tensor as the file has it, its rows in the file's order.
    private HostTensor stored(GgufHeader.Tensor tensor) {
        if (!arena.scope().isAlive()) {
            throw new IllegalStateException("The file " + path() + " is closed");
        }
        file.requireUnchanged();
        var at = header.dataStart() + tensor.offset();
        var dtype = tensor.type().dtype();
        if (dtype == null) {
            throw new CheckpointException(
                    Code.GG_TENSOR_TYPE,
                    path(),
                    at,
                    tensor.name(),
                    "Tensors of type " + tensor.type()
                            + " are not supported; expected F32, F16, BF16, Q4_0, Q4_1, Q5_0,"
                            + " Q5_1, Q8_0, Q4_K, Q5_K or Q6_K",
                    null);
        }
        return new HostTensor(dtype, tensor.shape(), mapping.asSlice(at, tensor.bytes()));
    }

    private void requireFinite(GgufHeader.Tensor tensor, HostTensor stored) {
        if (sound.contains(tensor.name())) {
            return;
        }
        var block = stored.firstNonFiniteBlock();
        if (block >= 0) {
            throw new CheckpointException(
                    Code.NUM_NONFINITE,
                    path(),
                    -1,
                    tensor.name(),
                    "The scale of block " + block + " is not a finite number",
                    null);
        }
        sound.add(tensor.name());
    }

    /// Converters store the rows of llama's q and k as pairs (j, j + d/2) side by side; qwen2 keeps them as
    /// they are.
    private HostTensor restoreRows(String name, HostTensor tensor) {
        var query = name.contains(".self_attn.q_proj.");
        if (!config.modelType().equals("llama") || !(query || name.contains(".self_attn.k_proj."))) {
            return tensor;
        }
        var heads = config.requireInt(query ? "num_attention_heads" : "num_key_value_heads", 1, Integer.MAX_VALUE);
        var headSize = config.requireInt("head_dim", 2, Integer.MAX_VALUE);
        var rows = tensor.shape().size(0);
        if (rows != (long) heads * headSize) {
            throw new CheckpointException(
                    Code.CFG_TENSOR_MISMATCH,
                    path(),
                    -1,
                    name,
                    "The tensor has " + rows + " rows; " + heads + " heads of " + headSize + " were expected",
                    null);
        }
        var rowBytes = tensor.bytes() / rows;
        var target = Arena.ofAuto().allocate(tensor.bytes(), 64);
        for (var row = 0L; row < rows; row++) {
            var inHead = row % headSize;
            var from = row - inHead + 2 * (inHead % (headSize / 2)) + inHead / (headSize / 2);
            MemorySegment.copy(tensor.data(), from * rowBytes, target, row * rowBytes, rowBytes);
        }
        tensor.release();
        return new HostTensor(tensor.dtype(), tensor.shape(), target);
    }

    private GgufHeader.Tensor tensor(String name) {
        var tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(
                    Code.NO_SUCH_TENSOR, path(), -1, name, "The checkpoint has no such tensor", null);
        }
        return tensor;
    }

    @Override
    public long weightBytes() {
        return file.size();
    }

    /// @return nothing: the tokenizer is inside, see [#tokenizer]
    @Override
    public List<Path> sidecars() {
        return List.of();
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
            file.close();
        }
    }
}
