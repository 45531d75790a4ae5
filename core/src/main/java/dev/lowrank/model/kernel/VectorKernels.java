package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Kernels on the Vector API, at the machine's preferred width.
///
/// Sums over lanes go through memory in a fixed order: the order of `reduceLanes` differs between
/// interpreted and compiled code.
final class VectorKernels implements Kernels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();

    /// Whether vectors are wide enough to be worth it, and not wider than a group of keys can fill.
    static boolean supported() {
        return WIDTH >= 4 && WIDTH <= KEY_BLOCK;
    }

    @Override
    public String describe() {
        return "Vector API, " + WIDTH * Float.SIZE + "-bit vectors";
    }

    @Override
    public int lanes() {
        return WIDTH;
    }

    @Override
    public int panelsTogether(Panels w) {
        return switch (w.form()) {
            case BF16 -> 4;
            case F16 -> 1;
            case F32, Q8_0, Q4_0, Q4_1, Q4_K, Q6_K, NF4 -> 2;
        };
    }

    @Override
    public int scratch(Panels w) {
        return w.form().isBlocks() ? BlockScales.FIRST + w.blocks() * BlockScales.PER_BLOCK : 2 * ROWS * WIDTH;
    }

    /// Rows in fours, a last one alone.
    @Override
    public void products(
            Panels w,
            int first,
            int count,
            RowInput[] x,
            int from,
            int rows,
            float[][] y,
            int offset,
            float[] scratch) {
        var last = from + rows - 1;
        if (rows % ROWS != 1) {
            together(w, first, count, x, from, rows, y, offset, scratch);
            return;
        }
        together(w, first, count, x, from, rows - 1, y, offset, scratch);
        alone(w, first, count, x[last], y[last], offset, scratch);
    }

    private void alone(Panels w, int first, int count, RowInput x, float[] y, int offset, float[] scratch) {
        var streams = panelsTogether(w);
        var together = count / streams;
        for (var i = 0; i < together; i++) {
            sum(w, first + i, together, x, scratch);
            for (var k = 0; k < streams; k++) {
                w.place(first + i + k * together, scratch, k * WIDTH, y, offset);
            }
        }
        // What is left takes a stream's place in each of them.
        for (var i = streams * together; i < count; i++) {
            sum(w, first + i, 0, x, scratch);
            w.place(first + i, scratch, 0, y, offset);
        }
    }

    /// Sums of a panel and the ones that are `apart` panels from one another.
    private static void sum(Panels w, int panel, int apart, RowInput x, float[] scratch) {
        var start = panel * w.panelBytes();
        var gap = apart * w.panelBytes();
        var body = start + w.headBytes();
        expandScales(w, start, gap, scratch);
        Arrays.fill(scratch, 0, 2 * WIDTH, 0);
        switch (w.form()) {
            case F32 -> PlainPanels.f32(w.data(), start, gap, w.columns(), x.values(), scratch);
            case BF16 -> PlainPanels.bf16(w.data(), start, gap, words(w), x.values(), scratch);
            case F16 -> PlainPanels.f16(w.data(), start, words(w), x.values(), scratch);
            case Q8_0 -> BytePanels.sum(w, body, gap, x, scratch);
            case Q4_0, Q4_1, Q4_K -> NibblePanels.sum(w, body, gap, x, scratch);
            case Q6_K -> SixBitPanels.sum(w, body, gap, x, scratch);
            case NF4 -> LevelPanels.sum(w, body, gap, x, scratch);
        }
    }

    private static int words(Panels w) {
        return w.form().bodyWords(w.columns());
    }

    /// Writes the scales of a panel and of the one `gap` bytes further.
    private static void expandScales(Panels w, long start, long gap, float[] scratch) {
        BlockScales.expand(w, start, scratch, 0);
        BlockScales.expand(w, start + gap, scratch, 1);
    }

    /// Two panels at a time, so that what is read of them is used by all rows; a last one alone goes as both.
    private static void together(
            Panels w,
            int first,
            int count,
            RowInput[] x,
            int from,
            int rows,
            float[][] y,
            int offset,
            float[] scratch) {
        for (var panel = first; rows > 0 && panel < first + count; panel += 2) {
            var both = panel + 1 < first + count;
            var start = panel * w.panelBytes();
            var gap = both ? w.panelBytes() : 0;
            expandScales(w, start, gap, scratch);
            for (var row = from; row < from + rows; row += ROWS) {
                Arrays.fill(scratch, 0, 2 * ROWS * WIDTH, 0);
                sum(w, start, gap, x[row], x[row + 1], x[row + 2], x[row + 3], scratch);
                place(w, panel, scratch, 0, y, row, offset);
                if (both) {
                    place(w, panel + 1, scratch, ROWS * WIDTH, y, row, offset);
                }
            }
        }
    }

    /// Sums of a panel and the one `gap` bytes further with each of four rows.
    private static void sum(
            Panels w, long start, long gap, RowInput a, RowInput b, RowInput c, RowInput d, float[] scratch) {
        var body = start + w.headBytes();
        switch (w.form()) {
            case F32 ->
                PlainPanels.f32(
                        w.data(), start, gap, w.columns(), a.values(), b.values(), c.values(), d.values(), scratch);
            case BF16 ->
                PlainPanels.bf16(
                        w.data(), start, gap, words(w), a.values(), b.values(), c.values(), d.values(), scratch);
            case F16 -> {
                var data = w.data();
                var words = words(w);
                f16(data, start, words, a, b, c, d, scratch, 0);
                if (gap > 0) {
                    f16(data, start + gap, words, a, b, c, d, scratch, ROWS * WIDTH);
                }
            }
            case Q8_0 -> BytePanels.sum(w, body, gap, a, b, c, d, scratch);
            case Q4_0, Q4_1, Q4_K -> NibblePanels.sum(w, body, gap, a, b, c, d, scratch);
            case Q6_K -> SixBitPanels.sum(w, body, gap, a, b, c, d, scratch);
            case NF4 -> LevelPanels.sum(w, body, gap, a, b, c, d, scratch);
        }
    }

    private static void f16(
            MemorySegment data,
            long start,
            int words,
            RowInput a,
            RowInput b,
            RowInput c,
            RowInput d,
            float[] scratch,
            int to) {
        PlainPanels.f16(data, start, words, a.values(), b.values(), c.values(), d.values(), scratch, to);
    }

    /// Puts a panel's sums with each of four rows where they belong.
    private static void place(Panels w, int panel, float[] scratch, int at, float[][] y, int from, int offset) {
        for (var k = 0; k < ROWS; k++) {
            w.place(panel, scratch, at + k * WIDTH, y[from + k], offset);
        }
    }

    @Override
    public void scores(
            DType type,
            MemorySegment keys,
            long start,
            int width,
            float[] q,
            int qOffset,
            float[] scores,
            int at,
            float[] scratch) {
        if (type == DType.F32) {
            CacheKernels.scores(keys, start, width, q, qOffset, scores, at);
        } else {
            NarrowCacheKernels.scores(keys, start, width, q, qOffset, scores, at);
        }
    }

    @Override
    public void mix(
            DType type,
            MemorySegment data,
            long start,
            int rows,
            int columns,
            float[] p,
            int pOffset,
            float[] y,
            int yOffset,
            float[] scratch) {
        if (type == DType.F32) {
            CacheKernels.mix(data, start, rows, columns, p, pOffset, y, yOffset);
        } else {
            NarrowCacheKernels.mix(data, start, rows, columns, p, pOffset, y, yOffset);
        }
    }

    @Override
    public void expShifted(float[] p, int offset, int length, float scale, float[] result, int at, float[] scratch) {
        var end = offset + length;
        var bound = offset + FLOATS.loopBound(length);
        var max = max(p, offset, bound, end);
        var sums = FloatVector.zero(FLOATS);
        var i = offset;
        for (; i < bound; i += WIDTH) {
            var e = exp(FloatVector.fromArray(FLOATS, p, i).sub(max).mul(scale));
            e.intoArray(p, i);
            sums = sums.add(e);
        }
        var sum = sum(sums, scratch);
        for (; i < end; i++) {
            p[i] = (float) Math.exp((p[i] - max) * scale);
            sum += p[i];
        }
        result[at] = scale * max;
        result[at + 1] = sum;
    }

    private static float max(float[] p, int offset, int bound, int end) {
        var most = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (var i = offset; i < bound; i += WIDTH) {
            most = most.max(FloatVector.fromArray(FLOATS, p, i));
        }
        var max = most.reduceLanes(VectorOperators.MAX); // the same in any order
        for (var i = bound; i < end; i++) {
            max = Math.max(max, p[i]);
        }
        return max;
    }

    @Override
    public void rmsNorm(float[] x, float[] scale, double epsilon, float[] y, float[] scratch) {
        var length = scale.length;
        var bound = FLOATS.loopBound(length);
        var factor = (float) (1 / Math.sqrt(squares(x, 0, length, scratch) / length + epsilon));
        var i = 0;
        for (; i < bound; i += WIDTH) {
            FloatVector.fromArray(FLOATS, x, i)
                    .mul(factor)
                    .mul(FloatVector.fromArray(FLOATS, scale, i))
                    .intoArray(y, i);
        }
        for (; i < length; i++) {
            y[i] = x[i] * factor * scale[i];
        }
    }

    @Override
    public void layerNorm(float[] x, float[] scale, float[] shift, double epsilon, float[] y, float[] scratch) {
        var length = scale.length;
        var bound = FLOATS.loopBound(length);
        var mean = total(x, length, scratch) / length;
        var factor = (float) (1 / Math.sqrt(squares(x, mean, length, scratch) / length + epsilon));
        var i = 0;
        for (; i < bound; i += WIDTH) {
            FloatVector.fromArray(FLOATS, x, i)
                    .sub(mean)
                    .mul(factor)
                    .mul(FloatVector.fromArray(FLOATS, scale, i))
                    .add(FloatVector.fromArray(FLOATS, shift, i))
                    .intoArray(y, i);
        }
        for (; i < length; i++) {
            y[i] = (x[i] - mean) * factor * scale[i] + shift[i];
        }
    }

    private static float total(float[] x, int length, float[] scratch) {
        var sums = FloatVector.zero(FLOATS);
        var i = 0;
        for (; i < FLOATS.loopBound(length); i += WIDTH) {
            sums = sums.add(FloatVector.fromArray(FLOATS, x, i));
        }
        var total = sum(sums, scratch);
        for (; i < length; i++) {
            total += x[i];
        }
        return total;
    }

    private static double squares(float[] x, float mean, int length, float[] scratch) {
        var sums = FloatVector.zero(FLOATS);
        var i = 0;
        for (; i < FLOATS.loopBound(length); i += WIDTH) {
            var v = FloatVector.fromArray(FLOATS, x, i).sub(mean);
            sums = v.fma(v, sums);
        }
        double total = sum(sums, scratch);
        for (; i < length; i++) {
            total += (double) (x[i] - mean) * (x[i] - mean);
        }
        return total;
    }

    @Override
    public void add(float[] x, float[] y) {
        var i = 0;
        for (; i < FLOATS.loopBound(x.length); i += WIDTH) {
            FloatVector.fromArray(FLOATS, x, i)
                    .add(FloatVector.fromArray(FLOATS, y, i))
                    .intoArray(x, i);
        }
        for (; i < x.length; i++) {
            x[i] += y[i];
        }
    }

    @Override
    public void multiply(float[] x, float[] y) {
        var i = 0;
        for (; i < FLOATS.loopBound(x.length); i += WIDTH) {
            FloatVector.fromArray(FLOATS, x, i)
                    .mul(FloatVector.fromArray(FLOATS, y, i))
                    .intoArray(x, i);
        }
        for (; i < x.length; i++) {
            x[i] *= y[i];
        }
    }

    @Override
    public void silu(float[] x) {
        var i = 0;
        for (; i < FLOATS.loopBound(x.length); i += WIDTH) {
            var v = FloatVector.fromArray(FLOATS, x, i);
            v.div(exp(v.neg()).add(1)).intoArray(x, i);
        }
        for (; i < x.length; i++) {
            x[i] = Exponential.silu(x[i]);
        }
    }

    @Override
    public void geluTanh(float[] x) {
        var i = 0;
        for (; i < FLOATS.loopBound(x.length); i += WIDTH) {
            var v = FloatVector.fromArray(FLOATS, x, i);
            var u = v.mul(v).mul(v).mul(Exponential.GELU_CUBIC).add(v).mul(Exponential.GELU_EXPONENT);
            v.div(exp(u).add(1)).intoArray(x, i);
        }
        for (; i < x.length; i++) {
            x[i] = Exponential.geluTanh(x[i]);
        }
    }

    /// The sum of all lanes.
    private static float sum(FloatVector v, float[] scratch) {
        v.intoArray(scratch, 0);
        return ScalarKernels.fold(scratch, WIDTH);
    }

    /// `e^v` to about 2e-7 relative: `2^n e^r` with `|r| ≤ ln 2 / 2` and a polynomial of degree 7 for
    /// `e^r`. Arguments below −87 give the smallest normal number, above 88 the largest power. The library
    /// function of the Vector API is not used because interpreted and compiled code round it differently.
    private static FloatVector exp(FloatVector v) {
        var x = v.min(Exponential.LARGEST).max(Exponential.SMALLEST);
        var rounded = x.mul(Exponential.LOG2_E).add(Exponential.ROUNDER);
        var n = rounded.sub(Exponential.ROUNDER);
        var r = x.sub(n.mul(Exponential.LN2_HIGH)).sub(n.mul(Exponential.LN2_LOW));
        var p = r.mul(1.9841270e-4f)
                .add(1.3888889e-3f)
                .mul(r)
                .add(8.3333333e-3f)
                .mul(r)
                .add(4.1666667e-2f)
                .mul(r)
                .add(0.16666667f)
                .mul(r)
                .add(0.5f)
                .mul(r)
                .add(1)
                .mul(r)
                .add(1);
        var power = rounded.reinterpretAsInts()
                .add(127 - Float.floatToRawIntBits(Exponential.ROUNDER))
                .lanewise(VectorOperators.LSHL, 23)
                .reinterpretAsFloats();
        return p.mul(power);
    }
}
