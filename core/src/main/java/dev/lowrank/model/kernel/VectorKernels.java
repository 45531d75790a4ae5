package dev.lowrank.model.kernel;

import java.lang.foreign.MemorySegment;
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
    private static final float LOG2_E = 1.44269504f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    /// Adding 1.5 · 2²³ rounds to an integer, which then lies in the low bits.
    private static final float ROUNDER = 12582912f;
    private static final float GELU_FACTOR = (float) (-2 * Math.sqrt(2 / Math.PI));

    /// Whether vectors are wide enough to be worth it.
    static boolean supported() {
        return WIDTH >= 4 && WIDTH <= SCRATCH / 4;
    }

    @Override
    public String describe() {
        return "Vector API, " + WIDTH * Float.SIZE + "-bit vectors";
    }

    @Override
    public void split(RowVector x) {
        HalfWidthProducts.split(x);
    }

    @Override
    public void products(RowMatrix w, int first, int rows, RowVector x, float[] y, int offset, float[] lanes) {
        var start = first * w.rowBytes();
        switch (w.dtype()) {
            case F32 -> dots(w.data(), start, rows, w.columns(), x.values(), 0, y, offset, lanes);
            case BF16 -> HalfWidthProducts.bf16(w, start, rows, x, y, offset, lanes);
            case F16 -> HalfWidthProducts.f16(w, start, rows, x, y, offset, lanes);
            default -> BlockProducts.products(w, first, rows, x, y, offset, lanes);
        }
    }

    @Override
    public void dots(
            MemorySegment data,
            long start,
            int rows,
            int columns,
            float[] x,
            int xOffset,
            float[] y,
            int yOffset,
            float[] lanes) {
        FloatProducts.dots(data, start, rows, columns, x, xOffset, y, yOffset, lanes);
    }

    @Override
    public void mix(
            MemorySegment data, long start, int rows, int columns, float[] p, int pOffset, float[] y, int yOffset) {
        FloatProducts.mix(data, start, rows, columns, p, pOffset, y, yOffset);
    }

    @Override
    public void softmax(float[] p, int offset, int length, float scale, float[] lanes) {
        var end = offset + length;
        var bound = offset + FLOATS.loopBound(length);
        var max = max(p, offset, bound, end, lanes);
        var sums = FloatVector.zero(FLOATS);
        var i = offset;
        for (; i < bound; i += WIDTH) {
            var e = exp(FloatVector.fromArray(FLOATS, p, i).sub(max).mul(scale));
            e.intoArray(p, i);
            sums = sums.add(e);
        }
        var sum = sum(sums, lanes);
        for (; i < end; i++) {
            p[i] = (float) Math.exp((p[i] - max) * scale);
            sum += p[i];
        }
        var factor = 1 / sum;
        for (i = offset; i < bound; i += WIDTH) {
            FloatVector.fromArray(FLOATS, p, i).mul(factor).intoArray(p, i);
        }
        for (; i < end; i++) {
            p[i] *= factor;
        }
    }

    private static float max(float[] p, int offset, int bound, int end, float[] lanes) {
        var most = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (var i = offset; i < bound; i += WIDTH) {
            most = most.max(FloatVector.fromArray(FLOATS, p, i));
        }
        most.intoArray(lanes, 0);
        var max = lanes[0];
        for (var i = 1; i < WIDTH; i++) {
            max = Math.max(max, lanes[i]);
        }
        for (var i = bound; i < end; i++) {
            max = Math.max(max, p[i]);
        }
        return max;
    }

    @Override
    public void rmsNorm(float[] x, float[] scale, double epsilon, float[] y, float[] lanes) {
        var length = scale.length;
        var bound = FLOATS.loopBound(length);
        var factor = (float) (1 / Math.sqrt(squares(x, 0, length, lanes) / length + epsilon));
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
    public void layerNorm(float[] x, float[] scale, float[] shift, double epsilon, float[] y, float[] lanes) {
        var length = scale.length;
        var bound = FLOATS.loopBound(length);
        var mean = total(x, length, lanes) / length;
        var factor = (float) (1 / Math.sqrt(squares(x, mean, length, lanes) / length + epsilon));
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

    private static float total(float[] x, int length, float[] lanes) {
        var sums = FloatVector.zero(FLOATS);
        var i = 0;
        for (; i < FLOATS.loopBound(length); i += WIDTH) {
            sums = sums.add(FloatVector.fromArray(FLOATS, x, i));
        }
        var total = sum(sums, lanes);
        for (; i < length; i++) {
            total += x[i];
        }
        return total;
    }

    private static double squares(float[] x, float mean, int length, float[] lanes) {
        var sums = FloatVector.zero(FLOATS);
        var i = 0;
        for (; i < FLOATS.loopBound(length); i += WIDTH) {
            var v = FloatVector.fromArray(FLOATS, x, i).sub(mean);
            sums = v.fma(v, sums);
        }
        double total = sum(sums, lanes);
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
            x[i] = ScalarKernels.silu(x[i]);
        }
    }

    @Override
    public void geluTanh(float[] x) {
        var i = 0;
        for (; i < FLOATS.loopBound(x.length); i += WIDTH) {
            var v = FloatVector.fromArray(FLOATS, x, i);
            var u = v.mul(v).mul(v).mul(0.044715f).add(v).mul(GELU_FACTOR);
            v.div(exp(u).add(1)).intoArray(x, i);
        }
        for (; i < x.length; i++) {
            x[i] = ScalarKernels.geluTanh(x[i]);
        }
    }

    /// The sum of all lanes.
    static float sum(FloatVector v, float[] lanes) {
        v.intoArray(lanes, 0);
        return fold(lanes, 0);
    }

    /// The sum of one vector's worth of floats, four partial sums at a time.
    static float fold(float[] lanes, int from) {
        var a = lanes[from];
        var b = lanes[from + 1];
        var c = lanes[from + 2];
        var d = lanes[from + 3];
        for (var i = from + 4; i < from + WIDTH; i += 4) {
            a += lanes[i];
            b += lanes[i + 1];
            c += lanes[i + 2];
            d += lanes[i + 3];
        }
        return (a + b) + (c + d);
    }

    /// `e^v` to about 2e-7 relative: `2^n e^r` with `|r| ≤ ln 2 / 2` and a polynomial of degree 7 for
    /// `e^r`. Arguments below −87 give the smallest normal number, above 88 the largest power. The library
    /// function of the Vector API is not used because interpreted and compiled code round it differently.
    private static FloatVector exp(FloatVector v) {
        var x = v.min(88.0f).max(-87.0f);
        var rounded = x.mul(LOG2_E).add(ROUNDER);
        var n = rounded.sub(ROUNDER);
        var r = x.sub(n.mul(LN2_HIGH)).sub(n.mul(LN2_LOW));
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
                .add(127 - Float.floatToRawIntBits(ROUNDER))
                .lanewise(VectorOperators.LSHL, 23)
                .reinterpretAsFloats();
        return p.mul(power);
    }
}
