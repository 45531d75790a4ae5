package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;

/// Products of a sparse matrix with rows of activations. A row has so few entries that each is taken as it
/// comes; halves stay halves in memory.
public final class SparseProduct {
    private final DType type;
    private final float[] singles;
    private final short[] halves;
    private final char[] nearColumns;
    private final int[] farColumns;
    private final int[] starts;

    /// Copies a matrix.
    ///
    /// @param values floating `[n]`, row by row
    /// @param columns whole numbers `[n]` from 0
    /// @param starts `[out + 1]`, where rows begin
    public SparseProduct(HostTensor values, HostTensor columns, HostTensor starts) {
        var n = (int) values.shape().elements();
        type = values.dtype() == DType.BF16 || values.dtype() == DType.F16 ? values.dtype() : DType.F32;
        singles = type == DType.F32 ? values.toFloats() : new float[0];
        halves = new short[n - singles.length];
        for (var i = 0; i < halves.length; i++) {
            halves[i] = values.data().get(HostTensor.SHORT, 2L * i);
        }
        nearColumns = new char[columns.dtype() == DType.I16 ? n : 0];
        farColumns = new int[n - nearColumns.length];
        for (var i = 0; i < nearColumns.length; i++) {
            nearColumns[i] = (char) columns.get(i);
        }
        for (var i = 0; i < farColumns.length; i++) {
            farColumns[i] = (int) columns.get(i);
        }
        this.starts = new int[(int) starts.shape().elements()];
        for (var i = 0; i < this.starts.length; i++) {
            this.starts[i] = (int) starts.get(i);
        }
    }

    /// One element of the product: always the same sum in the same order.
    ///
    /// @param row of the matrix
    /// @param x at least as long as the matrix is wide
    public float times(int row, float[] x) {
        var end = starts[row + 1];
        var sum = 0f;
        for (var i = starts[row]; i < end; i++) {
            var column = nearColumns.length > 0 ? nearColumns[i] : farColumns[i];
            sum = Math.fma(value(i), x[column], sum);
        }
        return sum;
    }

    private float value(int i) {
        return switch (type) {
            case BF16 -> Float.intBitsToFloat(halves[i] << 16);
            case F16 -> Float.float16ToFloat(halves[i]);
            default -> singles[i];
        };
    }

    /// Bytes that a product reads.
    public long bytes() {
        return 4L * singles.length
                + 2L * halves.length
                + 2L * nearColumns.length
                + 4L * farColumns.length
                + 4L * starts.length;
    }
}
