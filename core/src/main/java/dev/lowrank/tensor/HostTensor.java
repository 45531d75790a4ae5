package dev.lowrank.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// A tensor in plain memory: row-major, contiguous, little-endian, and free of any native library, so that
/// mapped checkpoints can be inspected and decoded without loading LibTorch.
///
/// The segment belongs to whoever made it (usually the arena of an open checkpoint); this record only looks
/// at it.
///
/// @param dtype element type; with a block type the last dimension is whole blocks
/// @param shape sizes, outermost first
/// @param data exactly `dtype.bytes(shape.elements())` bytes
public record HostTensor(DType dtype, Shape shape, MemorySegment data) {
    /// Little-endian, unaligned layouts: tensors may start at any byte of a mapped file.
    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public HostTensor {
        if (dtype.isBlocks() && (shape.rank() == 0 || shape.size(shape.rank() - 1) % dtype.blockWeights() != 0)) {
            throw new IllegalArgumentException("The rows of a " + dtype + " tensor are whole blocks of "
                    + dtype.blockWeights() + " weights, but the shape is " + shape);
        }
        var expected = dtype.bytes(shape.elements());
        if (data.byteSize() != expected) {
            throw new IllegalArgumentException("A " + dtype + " tensor of shape " + shape + " takes " + expected
                    + " bytes, but the segment has " + data.byteSize());
        }
    }

    /// @param values elements, row-major; copied
    /// @param sizes dimension sizes
    /// @return an F32 tensor on the Java heap
    public static HostTensor ofFloats(float[] values, long... sizes) {
        return new HostTensor(DType.F32, Shape.of(sizes), MemorySegment.ofArray(values.clone()));
    }

    /// @param values elements, row-major; copied
    /// @param sizes dimension sizes
    /// @return an I32 tensor on the Java heap
    public static HostTensor ofInts(int[] values, long... sizes) {
        return new HostTensor(DType.I32, Shape.of(sizes), MemorySegment.ofArray(values.clone()));
    }

    /// @return bytes of the data
    public long bytes() {
        return data.byteSize();
    }

    /// Lets the system take back the memory behind a mapped tensor; the next access reads the file again.
    /// Does nothing to a tensor in memory of its own.
    public void release() {
        if (data.isMapped() && data.byteSize() > 0) {
            data.unload();
        }
    }

    /// @param index flat index from 0
    /// @return the element as a `double`, exactly (I64 beyond 2^53 loses digits); of a block type, its
    ///     whole
    ///     block is decoded
    public double get(long index) {
        return switch (dtype) {
            case F64 -> data.get(DOUBLE, index * 8);
            case F32 -> data.get(FLOAT, index * 4);
            case F16 -> Float.float16ToFloat(data.get(SHORT, index * 2));
            case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * 2) << 16);
            case I64 -> data.get(LONG, index * 8);
            case I32 -> data.get(INT, index * 4);
            case I16 -> data.get(SHORT, index * 2);
            case U8 -> data.get(ValueLayout.JAVA_BYTE, index) & 0xFF;
            case F8_E4M3 -> Float8.e4m3(data.get(ValueLayout.JAVA_BYTE, index));
            case F8_E5M2 -> Float8.e5m2(data.get(ValueLayout.JAVA_BYTE, index));
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, NF4 -> {
                var block = new float[dtype.blockWeights()];
                BlockDecoder.decode(this, index / block.length, 1, block, 0);
                yield block[(int) (index % block.length)];
            }
        };
    }

    /// Copies a run of elements as floats, e.g. a row; allocates nothing. Of a block type it is whole
    /// blocks.
    ///
    /// @param first flat index from 0
    /// @param count how many
    /// @param target receives them from `to`
    /// @throws IllegalArgumentException if the run begins or ends inside a block
    public void copyFloats(long first, int count, float[] target, int to) {
        var weights = dtype.blockWeights();
        if (dtype.isBlocks()) {
            if (first % weights != 0 || count % weights != 0) {
                throw new IllegalArgumentException(
                        "Elements " + first + " to " + (first + count) + " are not whole blocks of " + weights);
            }
            BlockDecoder.decode(this, first / weights, count / weights, target, to);
        } else if (dtype == DType.F32) {
            MemorySegment.copy(data, FLOAT, first * 4, target, to, count);
        } else {
            for (var i = 0; i < count; i++) {
                target[to + i] = (float) get(first + i);
            }
        }
    }

    /// Looks for damaged scales, which reading a file of blocks must refuse.
    ///
    /// @return the first block with a scale that is NaN or infinite; -1 if there is none, as in plain types
    public long firstNonFiniteBlock() {
        return dtype.isBlocks() ? BlockDecoder.firstNonFinite(this) : -1;
    }

    /// @return all elements as floats; for tests and small tensors (norms, biases)
    public float[] toFloats() {
        var values = new float[Math.toIntExact(shape.elements())];
        copyFloats(0, values.length, values, 0);
        return values;
    }
}
