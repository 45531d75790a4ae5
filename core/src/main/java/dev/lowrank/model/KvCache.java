package dev.lowrank.model;

import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Keys and values of one sequence, F32 in plain memory of its own, so that both engines read and extend
/// the same cache. Closing frees it.
///
/// Values lie row after row, `[kvHeads, capacity, valueDim]`. Keys lie in blocks of
/// [Kernels#KEY_BLOCK] positions with these side by side, `[kvHeads, blocks, keyDim, KEY_BLOCK]`: a query
/// meets as many keys at once as a vector has lanes.
public final class KvCache implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final List<HostTensor> keys = new ArrayList<>();
    private final List<HostTensor> values = new ArrayList<>();
    private final int capacity;
    private int length;

    private KvCache(int capacity) {
        this.capacity = capacity;
    }

    /// An empty cache.
    ///
    /// @param capacity positions it can hold
    /// @throws IllegalArgumentException if that is beyond the model's context
    public static KvCache of(DecoderSpec spec, int capacity) {
        if (capacity < 1 || capacity > spec.maxPositions()) {
            throw new IllegalArgumentException("A cache of " + capacity
                    + " positions was asked for; the model's context is " + spec.maxPositions());
        }
        var cache = new KvCache(capacity);
        // A kernel reads whole groups of keys; what lies behind the last position is zero.
        var blocks = (long) Math.ceilDiv(capacity, Kernels.KEY_GROUP) * Kernels.KEY_GROUP / Kernels.KEY_BLOCK;
        for (var block : spec.blocks()) {
            var heads = block.heads();
            cache.keys.add(cache.empty(Shape.of(spec.kvHeads(), blocks, heads.keyDim(), Kernels.KEY_BLOCK)));
            cache.values.add(cache.empty(Shape.of(spec.kvHeads(), capacity, heads.valueDim())));
        }
        return cache;
    }

    /// Bytes that a cache of so many positions takes.
    public static long bytes(DecoderSpec spec, int capacity) {
        var positions = (long) Math.ceilDiv(capacity, Kernels.KEY_GROUP) * Kernels.KEY_GROUP;
        return spec.blocks().stream()
                .mapToLong(block -> 4L
                        * spec.kvHeads()
                        * (positions * block.heads().keyDim()
                                + (long) capacity * block.heads().valueDim()))
                .sum();
    }

    private HostTensor empty(Shape shape) {
        return new HostTensor(DType.F32, shape, arena.allocate(shape.elements() * 4, 64));
    }

    /// Rotated keys of a block, `[kvHeads, blocks, keyDim, KEY_BLOCK]`; zero where nothing was stored.
    public HostTensor keys(int block) {
        return keys.get(block);
    }

    /// Values of a block, `[kvHeads, capacity, valueDim]`.
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
                    .reshape(stored.size(0), stored.size(1) * stored.size(3), stored.size(2))
                    .narrow(1, 0, count)
                    .contiguous();
        });
    }

    /// Values of a block's first positions.
    ///
    /// @return `[kvHeads, count, valueDim]` F32, a view of the cache in the innermost scope
    Tensor values(int block, long count) {
        return Tensors.view(values.get(block)).narrow(1, 0, count);
    }

    /// Stores keys and values of some positions.
    ///
    /// @param first position
    /// @param newKeys `[kvHeads, count, keyDim]`, rotated
    /// @param newValues `[kvHeads, count, valueDim]`
    void store(int block, long first, Tensor newKeys, Tensor newValues) {
        Tensors.view(values.get(block)).narrow(1, first, newValues.size(1)).copy_(newValues);
        var width = (int) newKeys.size(2);
        var rows = newKeys.toFloats();
        for (var row = 0; row < newKeys.size(0) * newKeys.size(1); row++) {
            var head = (int) (row / newKeys.size(1));
            storeKey(block, head, (int) (first + row % newKeys.size(1)), rows, row * width);
        }
    }

    /// Stores one position's key of a head.
    ///
    /// @param key `keyDim` elements from `offset`
    void storeKey(int block, int head, int position, float[] key, int offset) {
        var tensor = keys.get(block);
        var width = (int) tensor.shape().size(2);
        var blocks = tensor.shape().size(1);
        var start = ((head * blocks + position / Kernels.KEY_BLOCK) * width * Kernels.KEY_BLOCK
                        + position % Kernels.KEY_BLOCK)
                * 4;
        for (var j = 0; j < width; j++) {
            tensor.data().set(HostTensor.FLOAT, start + (long) j * Kernels.KEY_BLOCK * 4, key[offset + j]);
        }
    }

    /// Stores one position's value of a head.
    ///
    /// @param value `valueDim` elements from `offset`
    void storeValue(int block, int head, int position, float[] value, int offset) {
        var tensor = values.get(block);
        var width = (int) tensor.shape().size(2);
        var start = ((long) head * capacity + position) * width * 4;
        MemorySegment.copy(value, offset, tensor.data(), HostTensor.FLOAT, start, width);
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

    /// Copies what is filled into a cache of the same model that is at least as long as that.
    public void copyTo(KvCache other) {
        other.advanceTo(length);
        var filledBlocks = Math.ceilDiv(length, Kernels.KEY_BLOCK);
        for (var block = 0; block < keys.size(); block++) {
            copyHeads(keys.get(block), other.keys.get(block), filledBlocks);
            copyHeads(values.get(block), other.values.get(block), length);
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
