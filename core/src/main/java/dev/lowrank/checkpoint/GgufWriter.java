package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/// Writes a GGUF file (version 3) without holding it: all tensors are declared first, then each is written
/// once, in any order ([#names] is the order of the file). The bytes do not depend on the order of writing.
///
/// The file appears under its name only when [#finish] has flushed it to disk; [#close] without it, or an
/// ended process, leaves nothing.
public final class GgufWriter implements AutoCloseable {
    private static final int MAGIC = 0x46554747;
    private static final int VERSION = 3;
    private static final int ALIGNMENT = 32;
    private static final String ALIGNMENT_KEY = "general.alignment";
    /// llama.cpp keeps names in 64 bytes, the last of which ends them.
    private static final int MAX_NAME = 63;

    private static final int MAX_DIMENSIONS = 4;

    /// A tensor to be written.
    ///
    /// @param name its name, at most 63 bytes
    /// @param dtype element type, one that GGUF has
    /// @param shape sizes, outermost first; 1 to 4 of them, none 0
    public record Entry(String name, DType dtype, Shape shape) {
        public Entry {
            if (name.isEmpty() || name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME) {
                throw new IllegalArgumentException("Not a tensor name of GGUF: " + Printable.escape(name));
            }
            if (shape.rank() < 1 || shape.rank() > MAX_DIMENSIONS || shape.elements() == 0) {
                throw new IllegalArgumentException("GGUF has no tensors of shape " + shape + ", as " + name + " is");
            }
        }

        long bytes() {
            return dtype.bytes(shape.elements());
        }
    }

    private record Place(Entry entry, long offset) {}

    private final Path path;
    private final SequencedMap<String, Place> places = new LinkedHashMap<>();
    private final Set<String> missing;
    private final long bytes;
    private final FolderLock lock;
    private final WholeFile file;

    private GgufWriter(Path path, FolderLock lock, GgufKeys keys, List<Entry> entries) {
        this.path = path;
        this.lock = lock;
        var header = header(keys, entries);
        var offset = (long) header.length;
        for (var entry : entries) {
            if (places.put(entry.name(), new Place(entry, offset)) != null) {
                throw new IllegalArgumentException("Two tensors are called " + Printable.escape(entry.name()));
            }
            offset = Math.addExact(offset, pad(entry.bytes()));
        }
        this.bytes = offset;
        this.missing = new LinkedHashSet<>(places.keySet());
        var free = DiskErrors.freeBytes(path);
        if (free >= 0 && free < bytes) {
            throw DiskErrors.noSpace(path, bytes, free, null);
        }
        this.file = new WholeFile(path, header, bytes);
        file.temporary().toFile().deleteOnExit();
    }

    /// Starts a file.
    ///
    /// @param path the file to make; must not exist; missing folders above it are made
    /// @param inputs files and folders that are read; `path` may not lie inside one
    /// @param keys its metadata; the alignment is set here
    /// @param entries all tensors, in the order of the file
    /// @return a writer, to be finished and closed
    /// @throws CheckpointException `OUT_EXISTS`, `OUT_IN_INPUT`, `OUT_LOCKED`, `OUT_INVALID` or
    ///     `OUT_NO_SPACE`
    public static GgufWriter create(Path path, List<Path> inputs, GgufKeys keys, List<Entry> entries) {
        var target = path.toAbsolutePath().normalize();
        var parent = target.getParent();
        if (parent == null) {
            throw new CheckpointException(Code.OUT_INVALID, path, "The output cannot be a root folder; name a file");
        }
        OutputFolder.requireOutsideInputs(target, inputs);
        OutputFolder.requireAbsent(target);
        var lock = lock(target, parent);
        try {
            return new GgufWriter(target, lock, keys, entries);
        } catch (RuntimeException e) {
            release(target, lock);
            throw e;
        }
    }

    /// Keeps a second process from writing the same file; like the file itself it goes with the process.
    private static FolderLock lock(Path target, Path parent) {
        var name = target.getFileName() + ".lock";
        try {
            Files.createDirectories(parent);
            var lock = FolderLock.acquire(parent, name);
            parent.resolve(name).toFile().deleteOnExit();
            return lock;
        } catch (IOException e) {
            throw DiskErrors.translate(target, 0, e);
        }
    }

    private static void release(Path path, FolderLock lock) {
        try {
            lock.delete();
        } catch (IOException e) {
            throw DiskErrors.translate(path, 0, e);
        } finally {
            lock.close();
        }
    }

    private static byte[] header(GgufKeys keys, List<Entry> entries) {
        keys.without(ALIGNMENT_KEY); // 32 is what readers take where the key is missing
        var out = new GgufKeys.Bytes();
        out.int32(MAGIC);
        out.int32(VERSION);
        out.int64(entries.size());
        out.int64(keys.count());
        out.bytes(keys.toBytes());
        var offset = 0L;
        for (var entry : entries) {
            out.text(entry.name());
            out.int32(entry.shape().rank());
            for (var i = entry.shape().rank() - 1; i >= 0; i--) {
                out.int64(entry.shape().size(i));
            }
            out.int32(GgufType.of(entry.dtype()).id());
            out.int64(offset);
            offset = Math.addExact(offset, pad(entry.bytes()));
        }
        out.bytes(new byte[(int) (pad(out.size()) - out.size())]);
        return out.toByteArray();
    }

    private static long pad(long bytes) {
        return Math.addExact(bytes, ALIGNMENT - 1L) & -ALIGNMENT;
    }

    /// @return tensor names in the order of the file; writing in this order is sequential on disk
    public List<String> names() {
        return List.copyOf(places.keySet());
    }

    /// @return bytes of the finished file
    public long bytes() {
        return bytes;
    }

    /// Writes one tensor.
    ///
    /// @param name a declared name, not written before
    /// @param tensor its values; dtype and shape as declared; borrowed for the call
    /// @throws CheckpointException `OUT_NO_SPACE` or `OUT_FAILED`
    public void write(String name, HostTensor tensor) {
        var place = places.get(name);
        if (place == null || !missing.remove(name)) {
            throw new IllegalArgumentException("The tensor " + Printable.escape(name)
                    + (place == null ? " was not declared" : " is written twice"));
        }
        var entry = place.entry();
        if (tensor.dtype() != entry.dtype() || !tensor.shape().equals(entry.shape())) {
            throw new IllegalArgumentException(name + " was declared as " + entry.dtype() + " " + entry.shape()
                    + ", not " + tensor.dtype() + " " + tensor.shape());
        }
        file.write(name, tensor.data(), place.offset());
    }

    /// Flushes the file to disk and gives it its name.
    ///
    /// @throws IllegalStateException if a declared tensor was not written
    /// @throws CheckpointException `OUT_EXISTS` if a file of this name has appeared meanwhile
    public void finish() {
        if (!missing.isEmpty()) {
            throw new IllegalStateException(missing.size() + " declared tensors were not written, the first is "
                    + missing.iterator().next());
        }
        OutputFolder.requireAbsent(path);
        file.finish();
    }

    /// Discards the file unless it was finished.
    @Override
    public void close() {
        try {
            file.close();
        } finally {
            release(path, lock);
        }
    }
}
