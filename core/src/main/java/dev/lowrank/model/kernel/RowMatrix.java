package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A matrix as the kernels read it: row-major, little-endian, any alignment, F32, BF16 or F16, outside the
/// Java heap.
///
/// The memory belongs to the tensor it came from, or to the matrix itself where it had to be copied.
public final class RowMatrix {
    private final DType dtype;
    private final int rows;
    private final int columns;
    private final MemorySegment data;

    private RowMatrix(DType dtype, int rows, int columns, MemorySegment data) {
        this.dtype = dtype;
        this.rows = rows;
        this.columns = columns;
        this.data = data;
    }

    /// Looks at a matrix; F32, BF16 and F16 tensors outside the heap are not copied. F8 becomes BF16
    /// (exactly), F64 becomes F32 (rounded), and a tensor on the heap moves out of it, so that the kernels
    /// see one kind of memory.
    ///
    /// @param tensor `[rows, columns]`, floating
    /// @throws IllegalArgumentException if it is not a matrix of real numbers
    public static RowMatrix of(HostTensor tensor) {
        if (tensor.shape().rank() != 2 || !tensor.dtype().isFloating()) {
            throw new IllegalArgumentException("A row product needs a floating matrix [out, in], but this tensor is "
                    + tensor.dtype() + " " + tensor.shape());
        }
        var rows = Math.toIntExact(tensor.shape().size(0));
        var columns = Math.toIntExact(tensor.shape().size(1));
        return switch (tensor.dtype()) {
            case F32, BF16, F16 -> new RowMatrix(tensor.dtype(), rows, columns, outsideHeap(tensor.data()));
            case F64 -> new RowMatrix(DType.F32, rows, columns, floats(tensor));
            case F8_E4M3, F8_E5M2 -> new RowMatrix(DType.BF16, rows, columns, upperHalves(tensor));
            case I64, I32, U8 -> throw new IllegalStateException("Not floating: " + tensor.dtype());
        };
    }

    /// F32, BF16 or F16.
    public DType dtype() {
        return dtype;
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
        return (long) columns * dtype.bytes();
    }

    /// Whether its products read [RowVector#split()] instead of [RowVector#values()].
    public boolean halfWidth() {
        return dtype != DType.F32;
    }

    /// Copies a row as floats.
    ///
    /// @param row from 0
    /// @param target at least `columns` long
    public void copyRow(int row, float[] target) {
        var offset = row * rowBytes();
        for (var i = 0; i < columns; i++) {
            target[i] = element(offset, i);
        }
    }

    MemorySegment data() {
        return data;
    }

    /// An element as a float, exactly.
    ///
    /// @param offset byte offset of its row
    float element(long offset, int column) {
        return switch (dtype) {
            case F32 -> data.get(HostTensor.FLOAT, offset + column * 4L);
            case BF16 -> Float.intBitsToFloat(data.get(HostTensor.SHORT, offset + column * 2L) << 16);
            default -> Float.float16ToFloat(data.get(HostTensor.SHORT, offset + column * 2L));
        };
    }

    private static MemorySegment outsideHeap(MemorySegment data) {
        if (data.isNative()) {
            return data;
        }
        var copy = Arena.ofAuto().allocate(data.byteSize(), 64);
        return copy.copyFrom(data);
    }

    private static MemorySegment floats(HostTensor tensor) {
        var copy = Arena.ofAuto().allocate(tensor.shape().elements() * 4, 64);
        for (var i = 0L; i < tensor.shape().elements(); i++) {
            copy.set(HostTensor.FLOAT, i * 4, (float) tensor.get(i));
        }
        return copy;
    }

    private static MemorySegment upperHalves(HostTensor tensor) {
        var copy = Arena.ofAuto().allocate(tensor.shape().elements() * 2, 64);
        for (var i = 0L; i < tensor.shape().elements(); i++) {
            copy.set(HostTensor.SHORT, i * 2, (short) (Float.floatToRawIntBits((float) tensor.get(i)) >>> 16));
        }
        return copy;
    }
}
