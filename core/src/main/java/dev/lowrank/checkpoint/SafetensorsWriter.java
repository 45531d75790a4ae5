package dev.lowrank.checkpoint;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;

/// Writes one safetensors file without holding it: all entries are declared first, then each tensor is
/// written once, in any order ([#names] is the order of the file). The bytes do not depend on the order of
/// writing.
///
/// The file appears under its name only when [#finish] has flushed it to disk; [#close] without it leaves
/// nothing.
public final class SafetensorsWriter implements AutoCloseable {
    /// A tensor to be written.
    ///
    /// @param name its name, at most 1024 bytes, not `__metadata__`
    /// @param dtype element type
    /// @param shape sizes, outermost first
    public record Entry(String name, DType dtype, Shape shape) {
        public Entry {
            if (dtype.isBlocks()) {
                throw new IllegalArgumentException(
                        "safetensors has no type " + dtype + "; write " + name + " as F32, F16 or BF16");
            }
        }

        long bytes() {
            return dtype.bytes(shape.elements());
        }
    }

    private record Place(Entry entry, long offset) {}

    private final SequencedMap<String, Place> places = new LinkedHashMap<>();
    private final Set<String> missing;
    private final long bytes;
    private final WholeFile file;

    private SafetensorsWriter(Path path, List<Entry> order, Map<String, String> metadata) {
        var header = header(order, metadata);
        var offset = (long) header.length;
        for (var entry : order) {
            if (places.put(entry.name(), new Place(entry, offset)) != null) {
                throw new IllegalArgumentException("Two tensors are called " + Printable.escape(entry.name()));
            }
            offset = Math.addExact(offset, entry.bytes());
        }
        this.bytes = offset;
        this.missing = new LinkedHashSet<>(places.keySet());
        this.file = new WholeFile(path, header, bytes);
    }

    /// Starts a file with the metadata that Python `transformers` expects.
    ///
    /// @param path the file to write; replaced if it exists
    /// @param entries all tensors, in any order
    /// @return a writer, to be finished and closed
    public static SafetensorsWriter create(Path path, List<Entry> entries) {
        return create(path, entries, Map.of("format", "pt"));
    }

    /// @param path the file to write; replaced if it exists
    /// @param entries all tensors, in any order
    /// @param metadata texts for `__metadata__`, written in the order of their keys
    /// @return a writer, to be finished and closed
    public static SafetensorsWriter create(Path path, List<Entry> entries, Map<String, String> metadata) {
        var order = new ArrayList<>(entries);
        order.sort(Comparator.comparing((Entry e) -> type(e.dtype()))
                .reversed()
                .thenComparing(e -> e.name().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned));
        return new SafetensorsWriter(path, order, metadata);
    }

    private static SafetensorsType type(DType dtype) {
        return SafetensorsType.valueOf(dtype.name());
    }

    private static byte[] header(List<Entry> order, Map<String, String> metadata) {
        var root = Json.object();
        if (!metadata.isEmpty()) {
            var texts = root.putObject("__metadata__");
            new TreeMap<>(metadata).forEach(texts::put);
        }
        var end = 0L;
        for (var entry : order) {
            checkName(entry.name());
            var node = root.putObject(entry.name());
            node.put("dtype", type(entry.dtype()).name());
            var shape = node.putArray("shape");
            for (var size : entry.shape().toArray()) {
                shape.add(size);
            }
            node.putArray("data_offsets").add(end).add(end + entry.bytes());
            end += entry.bytes();
        }
        var json = root.toString().getBytes(StandardCharsets.UTF_8);
        var padded = (json.length + 7) / 8 * 8;
        if (padded > SafetensorsHeader.MAX_HEADER_BYTES) {
            throw new IllegalArgumentException("A header of " + padded + " bytes is over the format's limit of "
                    + SafetensorsHeader.MAX_HEADER_BYTES + "; write more shards");
        }
        var buffer = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putLong(padded).put(json);
        while (buffer.hasRemaining()) {
            buffer.put((byte) ' ');
        }
        return buffer.array();
    }

    private static void checkName(String name) {
        if (name.equals("__metadata__") || name.getBytes(StandardCharsets.UTF_8).length > 1024) {
            throw new IllegalArgumentException("Not a tensor name: " + Printable.escape(name));
        }
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
    public void finish() {
        if (!missing.isEmpty()) {
            throw new IllegalStateException(missing.size() + " declared tensors were not written, the first is "
                    + missing.iterator().next());
        }
        file.finish();
    }

    /// Discards the file unless it was finished.
    @Override
    public void close() {
        file.close();
    }
}
