package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The header of a GGUF file, versions 2 and 3: metadata, tensor descriptions, start of the data.
///
/// Tensors with no dimension or a zero one are refused; data must be exactly consecutive in the order of
/// the descriptions, as every writer lays it out.
final class GgufHeader {
    private static final int SMALLEST_PAIR = 8 + 1 + 4 + 1;
    private static final int SMALLEST_TENSOR = 8 + 4 + 8 + 4 + 8;
    private static final int MAX_KEY = 65_535;
    private static final int MAX_NAME = 1024;
    private static final int MAX_DIMENSIONS = 4;
    private static final long MAX_ALIGNMENT = 1L << 20;
    private static final String ALIGNMENT = "general.alignment";

    /// One tensor: `offset` is bytes from the start of the data; the shape is outermost first.
    record Tensor(String name, GgufType type, Shape shape, long offset, long bytes) {}

    private final StoredFile file;
    private final GgufCursor cursor;
    private final Map<String, GgufValue> pairs = new LinkedHashMap<>();
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private long alignment = 32;
    private long dataStart;

    private GgufHeader(StoredFile file) {
        this.file = file;
        this.cursor = new GgufCursor(file);
    }

    static GgufHeader read(StoredFile file) {
        var header = new GgufHeader(file);
        header.checkMagic();
        var tensorCount = header.count(SMALLEST_TENSOR, "tensors");
        var pairCount = header.count(SMALLEST_PAIR, "keys");
        for (var i = 0L; i < pairCount; i++) {
            header.readPair();
        }
        header.checkAlignment();
        header.readTensors(tensorCount);
        return header;
    }

    GgufMetadata metadata() {
        return new GgufMetadata(file.path(), pairs);
    }

    Map<String, Tensor> tensors() {
        return tensors;
    }

    long dataStart() {
        return dataStart;
    }

    /// @return the values of a small F32 tensor, copied
    float[] floats(Tensor tensor) {
        var bytes = ByteBuffer.allocate(Math.toIntExact(tensor.bytes())).order(ByteOrder.LITTLE_ENDIAN);
        file.readFully(bytes, dataStart + tensor.offset());
        var values = new float[bytes.capacity() / 4];
        bytes.flip().asFloatBuffer().get(values);
        return values;
    }

    private void checkMagic() {
        if (cursor.int32("The magic number") != 0x46554747) {
            throw cursor.error(Code.GG_BAD_MAGIC, "The file does not start with GGUF; it is not a GGUF file");
        }
        var version = cursor.int32("The version");
        if (version == 2 || version == 3) {
            return;
        }
        var hint = (version & 0xFFFF) == 0 ? ": the file is big-endian, convert it to little-endian" : "";
        throw cursor.error(
                Code.GG_VERSION,
                "GGUF version " + Integer.toUnsignedString(version) + " is not supported, expected 2 or 3" + hint);
    }

    private long count(int smallest, String what) {
        var count = cursor.int64("The number of " + what);
        if (count < 0 || count > cursor.left() / smallest) {
            throw cursor.error(
                    Code.GG_COUNT,
                    "The file claims " + Long.toUnsignedString(count) + " " + what + " in " + cursor.left() + " bytes");
        }
        return count;
    }

    private void readPair() {
        var key = cursor.text(MAX_KEY, "A key");
        if (key.isEmpty()) {
            throw cursor.error(Code.GG_EMPTY_KEY, "A metadata key is empty");
        }
        if (pairs.put(key, cursor.value(key)) != null) {
            var code = key.equals(ALIGNMENT) ? Code.GG_ALIGNMENT : Code.GG_DUPLICATE;
            throw cursor.error(code, key, "The key appears twice", null);
        }
    }

    private void checkAlignment() {
        var value = pairs.get(ALIGNMENT);
        if (value == null) {
            return;
        }
        var number = value.kind() == GgufValue.Kind.U32 && value.content() instanceof Long n ? n : 0;
        if (Long.bitCount(number) != 1 || number > MAX_ALIGNMENT) {
            throw metadata().wrong(Code.GG_ALIGNMENT, ALIGNMENT, "U32, a power of two up to " + MAX_ALIGNMENT);
        }
        alignment = number;
    }

    private void readTensors(long count) {
        var order = new ArrayList<Tensor>();
        for (var i = 0L; i < count; i++) {
            var tensor = readTensor();
            order.add(tensor);
            if (tensors.put(tensor.name(), tensor) != null) {
                throw cursor.error(Code.GG_DUPLICATE, tensor.name(), "Two tensors have this name", null);
            }
        }
        try {
            dataStart = pad(cursor.position());
            checkPlaces(order);
        } catch (ArithmeticException e) {
            throw cursor.error(Code.GG_SIZE_OVERFLOW, "", "The sizes of the tensors add up past 64 bits", e);
        }
    }

    private Tensor readTensor() {
        var name = cursor.text(MAX_NAME, "A tensor name");
        var rank = cursor.int32("The number of dimensions");
        if (rank < 1 || rank > MAX_DIMENSIONS) {
            throw cursor.error(
                    Code.GG_DIMS,
                    name,
                    "The tensor has " + Integer.toUnsignedString(rank) + " dimensions; expected 1 to 4",
                    null);
        }
        var sizes = new long[rank]; // outermost first; the file counts from the innermost
        for (var i = rank - 1; i >= 0; i--) {
            sizes[i] = cursor.int64("A dimension");
            if (sizes[i] <= 0) {
                throw cursor.error(Code.GG_DIMS, name, "The dimension " + sizes[i] + " is not above 0", null);
            }
        }
        var id = cursor.int32("A tensor type");
        var type = GgufType.ofId(id);
        if (type == null) {
            throw cursor.error(Code.GG_TENSOR_TYPE, name, "Unknown tensor type " + Integer.toUnsignedString(id), null);
        }
        var bytes = sizeOf(name, type, sizes);
        return new Tensor(name, type, Shape.of(sizes), cursor.int64("An offset"), bytes);
    }

    /// The one place that multiplies sizes: bytes of a tensor, whose padded size is known to fit as well.
    private long sizeOf(String name, GgufType type, long[] sizes) {
        try {
            var elements = 1L;
            for (var size : sizes) {
                elements = Math.multiplyExact(elements, size);
            }
            if (sizes[sizes.length - 1] % type.blockWeights() != 0) {
                throw cursor.error(
                        Code.GG_BLOCK,
                        name,
                        "Rows of " + sizes[sizes.length - 1] + " weights are not whole blocks of " + type.blockWeights()
                                + " (" + type + ")",
                        null);
            }
            var bytes = Math.multiplyExact(elements / type.blockWeights(), (long) type.blockBytes());
            pad(bytes);
            return bytes;
        } catch (ArithmeticException e) {
            throw cursor.error(
                    Code.GG_SIZE_OVERFLOW, name, "The size of shape " + Arrays.toString(sizes) + " passes 64 bits", e);
        }
    }

    private long pad(long bytes) {
        return Math.addExact(bytes, alignment - 1) & -alignment;
    }

    private void checkPlaces(List<Tensor> order) {
        var next = 0L;
        for (var tensor : order) {
            next = Math.addExact(next, pad(tensor.bytes()));
        }
        Math.addExact(dataStart, next);
        next = 0;
        for (var tensor : order) {
            if (tensor.offset() != next) {
                throw cursor.error(
                        Code.GG_OFFSET,
                        tensor.name(),
                        "The tensor lies at " + Long.toUnsignedString(tensor.offset()) + "; expected " + next,
                        null);
            }
            if (dataStart + tensor.offset() + tensor.bytes() > file.size()) {
                throw cursor.error(
                        Code.GG_TRUNCATED,
                        tensor.name(),
                        "The tensor ends at byte " + (dataStart + tensor.offset() + tensor.bytes())
                                + " but the file has " + file.size() + "; download it again",
                        null);
            }
            next += pad(tensor.bytes());
        }
    }
}
