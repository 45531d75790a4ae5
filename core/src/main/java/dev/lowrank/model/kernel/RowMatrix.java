package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A matrix as the kernels read it: row-major, little-endian, any alignment, outside the Java heap, in F32,
/// BF16, F16 or blocks of Q4_0, Q4_1 or Q8_0.
///
/// The memory belongs to the tensor it came from, or to the matrix itself where it had to be copied.
public final class RowMatrix {
    private final HostTensor tensor;
    private final int rows;
    private final int columns;

    private RowMatrix(HostTensor tensor) {
        this.tensor = tensor;
        this.rows = Math.toIntExact(tensor.shape().size(0));
        this.columns = Math.toIntExact(tensor.shape().size(1));
    }

    /// Looks at a matrix; tensors of the types that the kernels read are not copied. F8 becomes BF16 and
    /// other blocks become F32 (exactly), F64 becomes F32 (rounded), and a tensor on the heap moves out of
    /// it, so that the kernels see one kind of memory.
    ///
    /// @param tensor `[rows, columns]`, floating
    /// @throws IllegalArgumentException if it is not a matrix of real numbers
    public static RowMatrix of(HostTensor tensor) {
        if (tensor.shape().rank() != 2 || !tensor.dtype().isFloating()) {
            throw new IllegalArgumentException("A row product needs a floating matrix [out, in], but this tensor is "
                    + tensor.dtype() + " " + tensor.shape());
        }
        return switch (tensor.dtype()) {
            case F32, BF16, F16, Q4_0, Q4_1, Q8_0 -> new RowMatrix(outsideHeap(tensor));
            case F64, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K, NF4 -> new RowMatrix(floats(tensor));
            case F8_E4M3, F8_E5M2 -> new RowMatrix(upperHalves(tensor));
            case I64, I32, U8 -> throw new IllegalStateException("Not floating: " + tensor.dtype());
        };
    }

    /// F32, BF16, F16, Q4_0, Q4_1 or Q8_0.
    public DType dtype() {
        return tensor.dtype();
    }

    /// Output width.
    public int rows() {
        return rows;
    }

    /// Input width.
    public int columns() {
        return columns;
    }

    /// Bytes of one row.
    public long rowBytes() {
        return dtype().bytes(columns);
    }

    /// Whether its products read [RowVector#split()] instead of [RowVector#values()].
    public boolean halfWidth() {
        return dtype() == DType.BF16 || dtype() == DType.F16;
    }

    /// Copies a row as floats.
    ///
    /// @param row from 0
    /// @param target at least `columns` long
    public void copyRow(int row, float[] target) {
        copyFloats(row, 0, columns, target);
    }

    /// Copies part of a row as floats, whole blocks of it.
    void copyFloats(int row, int column, int count, float[] target) {
        tensor.copyFloats((long) row * columns + column, count, target, 0);
    }

    MemorySegment data() {
        return tensor.data();
    }

    /// An element as a float, exactly; not of blocks.
    ///
    /// @param offset byte offset of its row
    float element(long offset, int column) {
        var data = tensor.data();
        return switch (tensor.dtype()) {
            case F32 -> data.get(HostTensor.FLOAT, offset + column * 4L);
            case BF16 -> Float.intBitsToFloat(data.get(HostTensor.SHORT, offset + column * 2L) << 16);
            default -> Float.float16ToFloat(data.get(HostTensor.SHORT, offset + column * 2L));
        };
    }

    /// The tensor in a segment of the one class that the kernels should meet: compiled for mapped and other
    /// native segments alike, they are a third slower. A mapped segment keeps its lifetime.
    @SuppressWarnings("restricted")
    private static HostTensor outsideHeap(HostTensor tensor) {
        var data = tensor.data();
        if (data.isMapped()) {
            return new HostTensor(tensor.dtype(), tensor.shape(), data.reinterpret(data.byteSize()));
        }
        if (data.isNative()) {
            return tensor;
        }
        var copy = Arena.ofAuto().allocate(tensor.bytes(), 64).copyFrom(data);
        return new HostTensor(tensor.dtype(), tensor.shape(), copy);
    }

    private static HostTensor floats(HostTensor tensor) {
        var copy = Arena.ofAuto().allocate(tensor.shape().elements() * 4, 64);
        var columns = Math.toIntExact(tensor.shape().size(1));
        var row = new float[columns];
        for (var i = 0L; i < tensor.shape().size(0); i++) {
            tensor.copyFloats(i * columns, columns, row, 0);
            MemorySegment.copy(row, 0, copy, HostTensor.FLOAT, i * columns * 4, columns);
        }
        return new HostTensor(DType.F32, tensor.shape(), copy);
    }

    private static HostTensor upperHalves(HostTensor tensor) {
        var copy = Arena.ofAuto().allocate(tensor.shape().elements() * 2, 64);
        for (var i = 0L; i < tensor.shape().elements(); i++) {
            copy.set(HostTensor.SHORT, i * 2, (short) (Float.floatToRawIntBits((float) tensor.get(i)) >>> 16));
        }
        return new HostTensor(DType.BF16, tensor.shape(), copy);
    }
}
