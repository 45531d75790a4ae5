package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// A safetensors file, mapped. Opening reads and checks the header only; tensors are views of the mapping
/// and live until [#close].
///
/// Types of the format that Lowrank does not compute with are listed by [#unsupported] and refused when
/// read. Source: the safetensors format description, github.com/huggingface/safetensors.
public final class SafetensorsFile implements AutoCloseable {
    private final StoredFile file;
    private final SafetensorsHeader header;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment mapping;
    private final Set<String> names;
    private final Map<String, String> unsupported;

    private SafetensorsFile(StoredFile file, SafetensorsHeader header) {
        this.file = file;
        this.header = header;
        this.mapping = file.map(arena);
        var readable = new TreeSet<String>();
        var others = new TreeMap<String, String>();
        for (var entry : header.entries().values()) {
            if (entry.type().dtype() == null) {
                others.put(entry.name(), entry.type().name());
            } else {
                readable.add(entry.name());
            }
        }
        this.names = Collections.unmodifiableSet(readable);
        this.unsupported = Collections.unmodifiableMap(others);
    }

    /// @param path a safetensors file
    /// @return the open file
    /// @throws CheckpointException if the file breaks a rule of the format (`ST_*`) or cannot be read
    public static SafetensorsFile open(Path path) {
        return open(StoredFile.open(path));
    }

    static SafetensorsFile open(StoredFile file) {
        try {
            return new SafetensorsFile(file, SafetensorsHeader.read(file));
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /// @return the file
    public Path path() {
        return file.path();
    }

    /// @return names of the tensors that can be read, sorted
    public Set<String> names() {
        return names;
    }

    /// @return name and stored type of tensors whose type Lowrank does not read
    public Map<String, String> unsupported() {
        return unsupported;
    }

    /// @return the `__metadata__` texts, in file order
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(new LinkedHashMap<>(header.metadata()));
    }

    /// @return deviations that are tolerated
    public List<String> warnings() {
        return List.copyOf(header.warnings());
    }

    /// @return bytes of the whole file
    public long bytes() {
        return file.size();
    }

    /// @param name a tensor of this file
    /// @return what the header says about it
    /// @throws CheckpointException `NO_SUCH_TENSOR`, or `ST_UNSUPPORTED_DTYPE`
    public TensorInfo info(String name) {
        var entry = entry(name);
        return new TensorInfo(
                name, dtype(entry), entry.shape(), entry.bytes(), entry.type().name());
    }

    /// @param name a tensor of this file
    /// @return a view of the mapped file, valid until [#close]
    /// @throws CheckpointException `NO_SUCH_TENSOR`, `ST_UNSUPPORTED_DTYPE`, or `IO_FILE_CHANGED`
    public HostTensor tensor(String name) {
        var entry = entry(name);
        requireOpen();
        file.requireUnchanged();
        return new HostTensor(
                dtype(entry), entry.shape(), mapping.asSlice(header.dataStart() + entry.begin(), entry.bytes()));
    }

    private SafetensorsHeader.Entry entry(String name) {
        var entry = header.entries().get(name);
        if (entry == null) {
            throw new CheckpointException(Code.NO_SUCH_TENSOR, path(), -1, name, "The file has no such tensor", null);
        }
        return entry;
    }

    private DType dtype(SafetensorsHeader.Entry entry) {
        @Nullable DType dtype = entry.type().dtype();
        if (dtype == null) {
            throw new CheckpointException(
                    Code.ST_UNSUPPORTED_DTYPE,
                    path(),
                    header.dataStart() + entry.begin(),
                    entry.name(),
                    "Tensors of type " + entry.type() + " are not supported; convert the checkpoint to BF16 or F32",
                    null);
        }
        return dtype;
    }

    private void requireOpen() {
        if (!arena.scope().isAlive()) {
            throw new IllegalStateException("The file " + path() + " is closed");
        }
    }

    /// Unmaps the file; tensors taken from it can no longer be read.
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
            file.close();
        }
    }
}
