package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;

/// A matrix `[out, in]` that is zero but for some entries, stored row by row.
///
/// @param in its columns
/// @param values floating `[n]`, rows one after the other, columns ascending within a row
/// @param columns of the values, I16 `[n]`, or I32 where `in` is too large for that
/// @param starts I32 `[out + 1]`: row `i` has the values from `starts[i]` on and before `starts[i + 1]`
public record SparseRows(int in, HostTensor values, HostTensor columns, HostTensor starts) {
    private static final int SHORT_COLUMNS = Short.MAX_VALUE + 1;

    /// Looks at the shapes and at every place.
    ///
    /// @throws IllegalArgumentException if some place is none of the matrix or out of order
    public SparseRows {
        var n = Shape.of(values.shape().elements());
        if (!values.dtype().isFloating() || values.dtype().isBlocks()) {
            throw damaged("Sparse values are " + values.dtype());
        }
        if (!values.shape().equals(n) || !columns.shape().equals(n) || columns.dtype() != columnType(in)) {
            throw damaged("Sparse values " + values.shape() + " stand in columns " + columns.dtype() + " "
                    + columns.shape() + " of " + in + ", where " + columnType(in) + " " + n + " is expected");
        }
        if (starts.dtype() != DType.I32
                || starts.shape().rank() != 1
                || starts.shape().elements() == 0) {
            throw damaged("Sparse rows start at " + starts.dtype() + " " + starts.shape() + ", where I32 [out + 1] is"
                    + " expected");
        }
        requireOrder(in, columns, starts);
    }

    private static void requireOrder(int in, HostTensor columns, HostTensor starts) {
        var n = columns.shape().elements();
        var rows = starts.shape().elements() - 1;
        if (starts.get(0) != 0 || starts.get(rows) != n) {
            throw damaged("Sparse rows run from " + (long) starts.get(0) + " to " + (long) starts.get(rows)
                    + ", where 0 to " + n + " is expected");
        }
        for (var row = 0L; row < rows; row++) {
            var start = (long) starts.get(row);
            var end = (long) starts.get(row + 1);
            if (end < start || end > n) {
                throw damaged("Sparse row " + row + " runs from " + start + " to " + end + " of " + n + " values");
            }
            var before = -1L;
            for (var i = start; i < end; i++) {
                var column = (long) columns.get(i);
                if (column <= before || column >= in) {
                    throw damaged("Sparse row " + row + " names column " + column + " of " + in + " after column "
                            + before + ", where columns ascend");
                }
                before = column;
            }
        }
    }

    private static IllegalArgumentException damaged(String found) {
        return new IllegalArgumentException(found + "; the checkpoint is damaged, write it again");
    }

    /// The type in which columns are stored.
    ///
    /// @param in how many there are
    public static DType columnType(int in) {
        return in <= SHORT_COLUMNS ? DType.I16 : DType.I32;
    }

    /// Bytes of some entries.
    ///
    /// @param count how many
    /// @param values their element type
    public static long bytes(int out, int in, long count, DType values) {
        return count * (values.bytes() + columnType(in).bytes()) + (out + 1L) * DType.I32.bytes();
    }

    /// Stores entries that are given by their places.
    ///
    /// @param shape `[out, in]`
    /// @param places row by row: `row * in + column`, ascending
    /// @param entries floating `[n]`, in this order
    /// @param arena owner of the places' memory
    public static SparseRows of(Shape shape, long[] places, HostTensor entries, Arena arena) {
        var out = (int) shape.size(0);
        var in = (int) shape.size(1);
        var type = columnType(in);
        var columns = arena.allocate(type.bytes(places.length), 64);
        var starts = arena.allocate(DType.I32.bytes(out + 1L), 64);
        var row = 0;
        for (var i = 0; i < places.length; i++) {
            while (row < places[i] / in) {
                starts.set(HostTensor.INT, 4L * ++row, i);
            }
            var column = (int) (places[i] % in);
            if (type == DType.I16) {
                columns.set(HostTensor.SHORT, 2L * i, (short) column);
            } else {
                columns.set(HostTensor.INT, 4L * i, column);
            }
        }
        while (row < out) {
            starts.set(HostTensor.INT, 4L * ++row, places.length);
        }
        return new SparseRows(
                in,
                entries,
                new HostTensor(type, Shape.of(places.length), columns),
                new HostTensor(DType.I32, Shape.of(out + 1L), starts));
    }

    /// Its rows.
    public int out() {
        return (int) starts.shape().size(0) - 1;
    }

    /// Entries that are stored.
    public int count() {
        return (int) values.shape().size(0);
    }

    /// Bytes of values and places.
    public long bytes() {
        return values.bytes() + columns.bytes() + starts.bytes();
    }

    /// The matrix with its zeros, F64 `[out, in]`, in the innermost scope.
    public Tensor matrix() {
        var dense = new double[Math.multiplyExact(out(), in)];
        for (var row = 0; row < out(); row++) {
            for (var i = (int) starts.get(row); i < starts.get(row + 1); i++) {
                dense[row * in + (int) columns.get(i)] = values.get(i);
            }
        }
        return Tensors.ofDoubles(dense, out(), in);
    }
}
