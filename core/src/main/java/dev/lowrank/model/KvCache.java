package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Keys and values of one sequence, F32 in plain memory of its own, so that both engines read and extend
/// the same cache. Closing frees it.
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
        for (var block : spec.blocks()) {
            cache.keys.add(cache.empty(spec.kvHeads(), block.heads().keyDim()));
            cache.values.add(cache.empty(spec.kvHeads(), block.heads().valueDim()));
        }
        return cache;
    }

    private HostTensor empty(int heads, int width) {
        var shape = Shape.of(heads, capacity, width);
        return new HostTensor(DType.F32, shape, arena.allocate(shape.elements() * 4, 64));
    }

    /// Rotated keys of a block, `[kvHeads, capacity, keyDim]`.
    public HostTensor keys(int block) {
        return keys.get(block);
    }

    /// Values of a block, `[kvHeads, capacity, valueDim]`.
    public HostTensor values(int block) {
        return values.get(block);
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

    /// Copies what is filled into another cache of the same model, which must be able to hold it.
    public void copyTo(KvCache longer) {
        for (var block = 0; block < keys.size(); block++) {
            copyHeads(keys.get(block), longer.keys.get(block));
            copyHeads(values.get(block), longer.values.get(block));
        }
        longer.advanceTo(length);
    }

    private void copyHeads(HostTensor from, HostTensor to) {
        var heads = from.shape().size(0);
        var headBytes = from.bytes() / heads;
        var longerBytes = to.bytes() / heads;
        var filled = headBytes / capacity * length;
        for (var head = 0L; head < heads; head++) {
            MemorySegment.copy(from.data(), head * headBytes, to.data(), head * longerBytes, filled);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
