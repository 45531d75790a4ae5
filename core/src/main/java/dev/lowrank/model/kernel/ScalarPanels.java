package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Sums of a panel without vectors, each lane's in the order of [PlainPanels], [BytePanels],
/// [NibblePanels], [SixBitPanels] and [LevelPanels]. Words are copied to the heap in pieces and unpacked to
/// floats that all rows share: before it is compiled, and in the first compilation, code reads arrays a
/// hundred times as fast as native memory.
final class ScalarPanels {
    /// Columns of a piece, a multiple of every form's block.
    private static final int PIECE = 256;

    private ScalarPanels() {}

    /// Floats of scratch for a matrix.
    static int scratch(Panels w) {
        return words(w) + PIECE * w.lanes();
    }

    // The scratch: sums of all rows; sums of their blocks or odd columns; factors and offsets of a block;
    // words of scales; weights of a piece; their words.

    private static int parts(Panels w) {
        return Kernels.MAX_ROWS * w.lanes();
    }

    private static int scales(Panels w) {
        return 2 * parts(w);
    }

    private static int head(Panels w) {
        return scales(w) + 2 * w.lanes();
    }

    private static int weights(Panels w) {
        return head(w) + w.form().headWords(w.columns()) * w.lanes();
    }

    private static int words(Panels w) {
        return weights(w) + PIECE * w.lanes();
    }

    /// Writes the sums of one panel with some rows to the beginning of the scratch, one row's after the
    /// other's.
    static void sum(Panels w, int panel, RowInput[] x, int first, int rows, float[] scratch) {
        var form = w.form();
        var start = panel * w.panelBytes();
        Arrays.fill(scratch, 0, rows * w.lanes(), 0);
        Arrays.fill(scratch, parts(w), parts(w) + rows * w.lanes(), 0);
        copy(w, start, form.headWords(w.columns()), scratch, head(w));
        for (var from = 0; from < w.columns(); from += PIECE) {
            var word = form.bodyWords(from);
            var count = form.bodyWords(Math.min(from + PIECE, w.columns())) - word;
            copy(w, start + w.headBytes() + (long) word * w.lanes() * 4, count, scratch, words(w));
            ScalarWeights.unpack(form, scratch, words(w), count, w.lanes(), weights(w));
            switch (form) {
                case F32 -> add(w, x, first, rows, from, weights(w), count, 1, 0, scratch);
                case BF16 -> add(w, x, first, rows, from, weights(w), 2 * count, 1, 0, scratch);
                case F16 -> {
                    add(w, x, first, rows, from, weights(w), 2 * count, 2, 0, scratch);
                    add(w, x, first, rows, from + 1, weights(w) + w.lanes(), 2 * count, 2, parts(w), scratch);
                }
                case Q8_0, Q4_0, Q4_1, Q4_K, Q6_K, NF4 -> blocks(w, x, first, rows, from, scratch);
            }
        }
        if (form == PanelForm.F16) {
            for (var i = 0; i < rows * w.lanes(); i++) {
                scratch[i] += scratch[parts(w) + i];
            }
        }
    }

    /// The blocks of a piece, one after the other.
    private static void blocks(Panels w, RowInput[] x, int first, int rows, int from, float[] scratch) {
        var lanes = w.lanes();
        var columns = w.form().blockWeights();
        var end = Math.min(from + PIECE, w.columns());
        for (var j = from; j < end; j += columns) {
            var block = j / columns;
            Arrays.fill(scratch, parts(w), parts(w) + rows * lanes, 0);
            add(w, x, first, rows, j, weights(w) + (j - from) * lanes, columns, 1, parts(w), scratch);
            ScalarWeights.scales(w, scratch, head(w), block, scales(w));
            for (var k = 0; k < rows; k++) {
                join(w, k * lanes, x[first + k].sums(w.form())[block], scratch);
            }
        }
    }

    /// Adds a block's sums to a row's, scaled, and what its weights are offset by.
    private static void join(Panels w, int to, float sum, float[] scratch) {
        var lanes = w.lanes();
        var part = parts(w) + to;
        var factor = scales(w);
        var offset = factor + lanes;
        switch (w.form()) {
            case NF4 -> {
                for (var lane = 0; lane < lanes; lane++) {
                    scratch[to + lane] = Math.fma(scratch[part + lane], scratch[factor + lane], scratch[to + lane]);
                }
            }
            case Q6_K -> {
                for (var lane = 0; lane < lanes; lane++) {
                    scratch[to + lane] =
                            Math.fma(scratch[part + lane] + sum, scratch[factor + lane], scratch[to + lane]);
                }
            }
            default -> {
                for (var lane = 0; lane < lanes; lane++) {
                    var offsets = Math.fma(scratch[offset + lane], sum, scratch[to + lane]);
                    scratch[to + lane] = Math.fma(scratch[part + lane], scratch[factor + lane], offsets);
                }
            }
        }
    }

    /// Rows in fours, the last ones alone.
    private static void add(
            Panels w,
            RowInput[] x,
            int first,
            int rows,
            int from,
            int at,
            int count,
            int step,
            int to,
            float[] scratch) {
        var form = w.form();
        var lanes = w.lanes();
        var k = 0;
        for (; k + Kernels.ROWS <= rows; k += Kernels.ROWS) {
            ScalarSums.add(
                    scratch,
                    at,
                    lanes,
                    x[first + k].meeting(form),
                    x[first + k + 1].meeting(form),
                    x[first + k + 2].meeting(form),
                    x[first + k + 3].meeting(form),
                    from,
                    count,
                    step,
                    to + k * lanes);
        }
        for (; k < rows; k++) {
            ScalarSums.add(scratch, at, lanes, x[first + k].meeting(form), from, count, step, to + k * lanes);
        }
    }

    private static void copy(Panels w, long start, int count, float[] scratch, int to) {
        MemorySegment.copy(w.data(), HostTensor.FLOAT, start, scratch, to, count * w.lanes());
    }
}
