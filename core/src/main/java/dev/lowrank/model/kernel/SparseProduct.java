package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import java.util.Comparator;
import java.util.stream.IntStream;

/// Products of some rows of a sparse matrix with rows of activations.
///
/// A row has a handful of entries, another number of them than the one before, and a processor that guesses
/// where the loop over them ends guesses wrong nearly every time, which takes longer than the entries do. So
/// the rows that are asked for together are kept in the order of their numbers of entries: 0.9 ms instead of
/// 2.6 for a million entries on one core of Zen 4, with 64 rows together.
public final class SparseProduct {
    private static final int COLUMN = 0xFFFF;
    private static final int VALUE = 0xFFFF0000;

    /// How entries lie in memory: a value of 16 bits above a column of as many in a word, or a word for each.
    private enum Layout {
        BF16_AND_COLUMN,
        F16_AND_COLUMN,
        F32_AND_NEAR_COLUMN,
        F32_AND_FAR_COLUMN;

        static Layout of(DType values, DType columns) {
            if (columns != DType.I16) {
                return F32_AND_FAR_COLUMN;
            }
            return switch (values) {
                case BF16 -> BF16_AND_COLUMN;
                case F16 -> F16_AND_COLUMN;
                default -> F32_AND_NEAR_COLUMN;
            };
        }
    }

    private final Layout layout;
    /// Which row of the matrix is where, and where its entries begin; one more for the end.
    private final int[] rows;

    private final int[] starts;
    private final int[] words;
    private final char[] nearColumns;
    private final int[] farColumns;

    /// Copies rows of a matrix.
    ///
    /// @param values floating `[n]`, row by row
    /// @param columns whole numbers `[n]` from 0
    /// @param begins `[out + 1]`, where rows begin
    /// @param asked rows that will be asked for, in this order
    /// @param together so many of them at a time
    public SparseProduct(HostTensor values, HostTensor columns, HostTensor begins, int[] asked, int together) {
        layout = Layout.of(values.dtype(), columns.dtype());
        rows = IntStream.range(0, asked.length)
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(i -> i / together)
                        .thenComparingDouble(i -> begins.get(asked[i] + 1L) - begins.get(asked[i])))
                .mapToInt(i -> asked[i])
                .toArray();
        starts = new int[rows.length + 1];
        for (var i = 0; i < rows.length; i++) {
            starts[i + 1] = starts[i] + (int) (begins.get(rows[i] + 1L) - begins.get(rows[i]));
        }
        words = new int[starts[rows.length]];
        nearColumns = new char[layout == Layout.F32_AND_NEAR_COLUMN ? words.length : 0];
        farColumns = new int[layout == Layout.F32_AND_FAR_COLUMN ? words.length : 0];
        for (var i = 0; i < rows.length; i++) {
            var from = (int) begins.get(rows[i]);
            for (var at = starts[i]; at < starts[i + 1]; at++) {
                put(at, values, columns, from + at - starts[i]);
            }
        }
    }

    private void put(int at, HostTensor values, HostTensor columns, int from) {
        var column = (int) columns.get(from);
        switch (layout) {
            case BF16_AND_COLUMN, F16_AND_COLUMN ->
                words[at] = values.data().get(HostTensor.SHORT, 2L * from) << 16 | column;
            case F32_AND_NEAR_COLUMN -> {
                words[at] = Float.floatToRawIntBits((float) values.get(from));
                nearColumns[at] = (char) column;
            }
            case F32_AND_FAR_COLUMN -> {
                words[at] = Float.floatToRawIntBits((float) values.get(from));
                farColumns[at] = column;
            }
        }
    }

    /// Adds elements of the product: `y[offset + row] += matrix[row] · x`, the entries of a row in their order.
    ///
    /// @param first of the rows asked for; begins a group of those together
    /// @param end behind the last one; ends a group
    /// @param x at least as long as the matrix is wide
    public void add(int first, int end, float[] x, float[] y, int offset) {
        for (var i = first; i < end; i++) {
            var start = starts[i];
            var next = starts[i + 1];
            y[offset + rows[i]] += switch (layout) {
                case BF16_AND_COLUMN -> upperHalves(start, next, x);
                case F16_AND_COLUMN -> halves(start, next, x);
                case F32_AND_NEAR_COLUMN -> near(start, next, x);
                case F32_AND_FAR_COLUMN -> far(start, next, x);
            };
        }
    }

    private float upperHalves(int start, int end, float[] x) {
        var sum = 0f;
        for (var i = start; i < end; i++) {
            sum = Math.fma(Float.intBitsToFloat(words[i] & VALUE), x[words[i] & COLUMN], sum);
        }
        return sum;
    }

    private float halves(int start, int end, float[] x) {
        var sum = 0f;
        for (var i = start; i < end; i++) {
            sum = Math.fma(Float.float16ToFloat((short) (words[i] >> 16)), x[words[i] & COLUMN], sum);
        }
        return sum;
    }

    private float near(int start, int end, float[] x) {
        var sum = 0f;
        for (var i = start; i < end; i++) {
            sum = Math.fma(Float.intBitsToFloat(words[i]), x[nearColumns[i]], sum);
        }
        return sum;
    }

    private float far(int start, int end, float[] x) {
        var sum = 0f;
        for (var i = start; i < end; i++) {
            sum = Math.fma(Float.intBitsToFloat(words[i]), x[farColumns[i]], sum);
        }
        return sum;
    }

    /// Bytes that a product reads.
    public long bytes() {
        return 4L * words.length
                + 2L * nearColumns.length
                + 4L * farColumns.length
                + 4L * starts.length
                + 4L * rows.length;
    }
}
