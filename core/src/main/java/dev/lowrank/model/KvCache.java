package dev.lowrank.model;

import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.tensor.TypeConversion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Keys and values of one sequence, F32 or BF16 in plain memory of its own, so that both engines read and
/// extend the same cache. Closing frees it.
///
/// Keys lie in blocks of [Kernels#KEY_BLOCK] positions with these side by side, so that a query meets as
/// many keys at once as a vector has lanes. Memory is words of 32 bits: an F32 number, or two of BF16, the
/// first below, which are two elements of a key or one element of the values of two positions. With `n`
/// numbers to a word keys are `[kvHeads, blocks, keyDim / n, KEY_BLOCK, n]` and values `[kvHeads, capacity
/// / n, valueDim, n]`.
public final class KvCache implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final List<HostTensor> keys = new ArrayList<>();
    private final List<HostTensor> values = new ArrayList<>();
    private final DType type;
    private final int capacity;
    private int length;

    private KvCache(DType type, int capacity) {
        this.type = type;
        this.capacity = capacity;
    }

    /// An empty cache in F32.
    ///
    /// @param capacity positions it can hold
    /// @throws IllegalArgumentException if that is beyond the model's context
    public static KvCache of(DecoderSpec spec, int capacity) {
        return of(spec, capacity, DType.F32);
    }

    /// An empty cache.
    ///
    /// @param capacity positions it can hold
    /// @param type F32, or BF16, which takes half the memory and rounds what it holds to 8 bits of mantissa
    /// @throws IllegalArgumentException if the capacity is beyond the model's context, or keys of an odd
    ///     width should be stored in BF16
    public static KvCache of(DecoderSpec spec, int capacity, DType type) {
        if (capacity < 1 || capacity > spec.maxPositions()) {
            throw new IllegalArgumentException("A cache of " + capacity
                    + " positions was asked for; the model's context is " + spec.maxPositions());
        }
        var cache = new KvCache(type, capacity);
        var inWord = inWord(type);
        // A kernel reads whole groups of keys; what lies behind the last position is zero.
        var blocks = (long) Math.ceilDiv(capacity, Kernels.KEY_GROUP) * Kernels.KEY_GROUP / Kernels.KEY_BLOCK;
        for (var block : spec.blocks()) {
            var heads = block.heads();
            if (heads.keyDim() % inWord != 0) {
                throw new IllegalArgumentException("A cache in " + type + " stores two elements of a key in a word,"
                        + " but keys of block " + block.index() + " have " + heads.keyDim()
                        + "; keep them in F32");
            }
            cache.keys.add(
                    cache.empty(Shape.of(spec.kvHeads(), blocks, heads.keyDim() / inWord, Kernels.KEY_BLOCK, inWord)));
            cache.values.add(
                    cache.empty(Shape.of(spec.kvHeads(), Math.ceilDiv(capacity, inWord), heads.valueDim(), inWord)));
        }
        return cache;
    }

    /// Numbers in a word of 32 bits.
    private static int inWord(DType type) {
        return switch (type) {
            case F32 -> 1;
            case BF16 -> 2;
            default -> throw new IllegalArgumentException("Keys and values are kept in F32 or BF16, not " + type);
        };
    }

    /// Bytes that a cache of so many positions takes.
    ///
    /// @param type F32 or BF16
    public static long bytes(DecoderSpec spec, int capacity, DType type) {
        var positions = (long) Math.ceilDiv(capacity, Kernels.KEY_GROUP) * Kernels.KEY_GROUP;
        return spec.blocks().stream()
                .mapToLong(block -> type.bytes(spec.kvHeads()
                        * (positions * block.heads().keyDim()
                                + (long) capacity * block.heads().valueDim())))
                .sum();
    }

    private HostTensor empty(Shape shape) {
        return new HostTensor(type, shape, arena.allocate(type.bytes(shape.elements()), 64));
    }

    /// Element type of keys and values.
    public DType type() {
        return type;
    }

    /// Rotated keys of a block, in words as said above; zero where nothing was stored.
    public HostTensor keys(int block) {
        return keys.get(block);
    }

    /// Values of a block, in words as said above.
    public HostTensor values(int block) {
        return values.get(block);
    }

    /// Keys of a block's first positions, row after row.
    ///
    /// @return `[kvHeads, count, keyDim]` F32, in the innermost scope
    Tensor keys(int block, long count) {
        return TensorScope.tidy(() -> {
            var stored = keys.get(block).shape();
            return Tensors.view(keys.get(block))
                    .transpose(2, 3)
                    .reshape(stored.size(0), stored.size(1) * stored.size(3), stored.size(2) * stored.size(4))
                    .narrow(1, 0, count)
                    .to(DType.F32)
                    .contiguous();
        });
    }

    /// Values of a block's first positions.
    ///
    /// @return `[kvHeads, count, valueDim]` F32, in the innermost scope
    Tensor values(int block, long count) {
        return TensorScope.tidy(
                () -> rows(values.get(block)).narrow(1, 0, count).to(DType.F32));
    }

    /// Values row after row: a view of them where a word holds one, else a copy.
    private static Tensor rows(HostTensor stored) {
        var shape = stored.shape();
        return Tensors.view(stored)
                .transpose(2, 3)
                .reshape(shape.size(0), shape.size(1) * shape.size(3), shape.size(2));
    }

    /// Stores keys and values of some positions.
    ///
    /// @param first position
    /// @param newKeys `[kvHeads, count, keyDim]`, rotated
    /// @param newValues `[kvHeads, count, valueDim]`
    void store(int block, long first, Tensor newKeys, Tensor newValues) {
        var count = newKeys.size(1);
        var keyRows = newKeys.toFloats();
        var valueRows = newValues.toFloats();
        for (var row = 0; row < newKeys.size(0) * count; row++) {
            var head = (int) (row / count);
            var position = (int) (first + row % count);
            storeKey(block, head, position, keyRows, row * (int) newKeys.size(2));
            storeValue(block, head, position, valueRows, row * (int) newValues.size(2));
        }
    }

    /// Stores one position's key of a head.
    ///
    /// @param key `keyDim` elements from `offset`
    void storeKey(int block, int head, int position, float[] key, int offset) {
        var tensor = keys.get(block);
        var data = tensor.data();
        var words = (int) tensor.shape().size(2);
        var first = (head * tensor.shape().size(1) + position / Kernels.KEY_BLOCK) * words * Kernels.KEY_BLOCK
                + position % Kernels.KEY_BLOCK;
        for (var j = 0; j < words; j++) {
            var at = (first + (long) j * Kernels.KEY_BLOCK) * Integer.BYTES;
            if (type == DType.F32) {
                data.set(HostTensor.FLOAT, at, key[offset + j]);
            } else {
                data.set(HostTensor.SHORT, at, TypeConversion.bf16(key[offset + 2 * j]));
                data.set(HostTensor.SHORT, at + Short.BYTES, TypeConversion.bf16(key[offset + 2 * j + 1]));
            }
        }
    }

    /// Stores one position's value of a head.
    ///
    /// @param value `valueDim` elements from `offset`
    void storeValue(int block, int head, int position, float[] value, int offset) {
        var tensor = values.get(block);
        var data = tensor.data();
        var width = (int) tensor.shape().size(2);
        var inWord = inWord(type);
        var start = (head * tensor.shape().size(1) + position / inWord) * width * Integer.BYTES;
        if (type == DType.F32) {
            MemorySegment.copy(value, offset, data, HostTensor.FLOAT, start, width);
            return;
        }
        for (var j = 0; j < width; j++) {
            var at = start + (long) j * Integer.BYTES + position % inWord * (long) Short.BYTES;
            data.set(HostTensor.SHORT, at, TypeConversion.bf16(value[offset + j]));
        }
    }

    /// Positions it can hold.
    public int capacity() {
        return capacity;
    }

    /// @throws IllegalArgumentException if that many positions do not fit any more
    void requireSpace(long more) {
        if (length + more > capacity) {
            throw new IllegalArgumentException("The cache holds " + capacity + " positions; " + length
                    + " are filled and " + more + " more were given");
        }
    }

    /// Positions that are filled.
    public int length() {
        return length;
    }

    /// Declares positions filled, after every block wrote its keys and values.
    ///
    /// @param newLength between 0 (start again) and the capacity
    public void advanceTo(int newLength) {
        if (newLength < 0 || newLength > capacity) {
            throw new IllegalArgumentException("Position " + newLength + " is beyond the cache of " + capacity);
        }
        length = newLength;
    }

    /// Copies what is filled into a cache of the same model and type that is at least as long as that.
    ///
    /// @throws IllegalArgumentException if it is too short or of another type
    public void copyTo(KvCache other) {
        if (other.type != type) {
            throw new IllegalArgumentException("A cache in " + type + " cannot be copied into one in " + other.type);
        }
        other.advanceTo(length);
        var filledBlocks = Math.ceilDiv(length, Kernels.KEY_BLOCK);
        for (var block = 0; block < keys.size(); block++) {
            copyHeads(keys.get(block), other.keys.get(block), filledBlocks);
            copyHeads(values.get(block), other.values.get(block), Math.ceilDiv(length, inWord(type)));
        }
    }

    /// Copies the first entries of each head.
    private static void copyHeads(HostTensor from, HostTensor to, long entries) {
        var heads = from.shape().size(0);
        var entryBytes = from.bytes() / heads / from.shape().size(1);
        for (var head = 0L; head < heads; head++) {
            MemorySegment.copy(
                    from.data(),
                    head * entryBytes * from.shape().size(1),
                    to.data(),
                    head * entryBytes * to.shape().size(1),
                    entries * entryBytes);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
