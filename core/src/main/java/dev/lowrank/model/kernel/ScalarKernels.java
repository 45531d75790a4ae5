package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Plain loops with the bits of [VectorKernels] of some width: sums are kept for as many lanes, in the same
/// order. They run where there is no Vector API, and everywhere until it is compiled: vectors that are not
/// yet compiled are objects, a hundred times slower than these loops in their first compilation.
///
/// Rows need not fill whole vectors: what is left behind them is computed as the vector kernels do it.
///
/// @param lanes of the vectors
record ScalarKernels(int lanes) implements Kernels {
    @Override
    public String describe() {
        return "plain loops (start the JVM with --add-modules jdk.incubator.vector for vector kernels)";
    }

    @Override
    public int panelsTogether(Panels w) {
        return 1;
    }

    @Override
    public int scratch(Panels w) {
        return ScalarPanels.scratch(w);
    }

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
        for (var panel = first; panel < first + count; panel++) {
            ScalarPanels.sum(w, panel, x, from, rows, scratch);
            for (var k = 0; k < rows; k++) {
                w.place(panel, scratch, k * lanes, y[from + k], offset);
            }
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
        ScalarCache.scores(type, keys, start, width, q, qOffset, scores, at, scratch);
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
        ScalarCache.mix(type, data, start, rows, columns, p, pOffset, y, yOffset, lanes, scratch);
    }

    /// How many of some elements fill whole vectors.
    private int bound(int length) {
        return length - length % lanes;
    }

    @Override
    public void expShifted(float[] p, int offset, int length, float scale, float[] result, int at, float[] scratch) {
        var max = Float.NEGATIVE_INFINITY;
        for (var i = offset; i < offset + length; i++) {
            max = Math.max(max, p[i]);
        }
        Arrays.fill(scratch, 0, lanes, 0);
        var bound = bound(length);
        for (var i = 0; i < bound; i++) {
            var e = Exponential.of((p[offset + i] - max) * scale);
            p[offset + i] = e;
            scratch[i % lanes] += e;
        }
        var sum = fold(scratch, lanes);
        for (var i = offset + bound; i < offset + length; i++) {
            p[i] = (float) Math.exp((p[i] - max) * scale);
            sum += p[i];
        }
        result[at] = scale * max;
        result[at + 1] = sum;
    }

    @Override
    public void rmsNorm(float[] x, float[] scale, double epsilon, float[] y, float[] scratch) {
        var length = scale.length;
        var factor = (float) (1 / Math.sqrt(squares(x, 0, length, scratch) / length + epsilon));
        for (var i = 0; i < length; i++) {
            y[i] = x[i] * factor * scale[i];
        }
    }

    @Override
    public void layerNorm(float[] x, float[] scale, float[] shift, double epsilon, float[] y, float[] scratch) {
        var length = scale.length;
        var mean = total(x, length, scratch) / length;
        var factor = (float) (1 / Math.sqrt(squares(x, mean, length, scratch) / length + epsilon));
        for (var i = 0; i < length; i++) {
            y[i] = (x[i] - mean) * factor * scale[i] + shift[i];
        }
    }

    private float total(float[] x, int length, float[] scratch) {
        Arrays.fill(scratch, 0, lanes, 0);
        var bound = bound(length);
        for (var i = 0; i < bound; i++) {
            scratch[i % lanes] += x[i];
        }
        var total = fold(scratch, lanes);
        for (var i = bound; i < length; i++) {
            total += x[i];
        }
        return total;
    }

    private double squares(float[] x, float mean, int length, float[] scratch) {
        Arrays.fill(scratch, 0, lanes, 0);
        var bound = bound(length);
        for (var i = 0; i < bound; i++) {
            var v = x[i] - mean;
            scratch[i % lanes] = Math.fma(v, v, scratch[i % lanes]);
        }
        double total = fold(scratch, lanes);
        for (var i = bound; i < length; i++) {
            total += (double) (x[i] - mean) * (x[i] - mean);
        }
        return total;
    }

    /// The sum of the first `lanes` floats, four partial sums at a time.
    static float fold(float[] scratch, int lanes) {
        var a = scratch[0];
        var b = scratch[1];
        var c = scratch[2];
        var d = scratch[3];
        for (var i = 4; i < lanes; i += 4) {
            a += scratch[i];
            b += scratch[i + 1];
            c += scratch[i + 2];
            d += scratch[i + 3];
        }
        return (a + b) + (c + d);
    }

    @Override
    public void add(float[] x, float[] y) {
        for (var i = 0; i < x.length; i++) {
            x[i] += y[i];
        }
    }

    @Override
    public void multiply(float[] x, float[] y) {
        for (var i = 0; i < x.length; i++) {
            x[i] *= y[i];
        }
    }

    @Override
    public void silu(float[] x) {
        var bound = bound(x.length);
        for (var i = 0; i < bound; i++) {
            x[i] = x[i] / (Exponential.of(-x[i]) + 1);
        }
        for (var i = bound; i < x.length; i++) {
            x[i] = Exponential.silu(x[i]);
        }
    }

    @Override
    public void geluTanh(float[] x) {
        var bound = bound(x.length);
        for (var i = 0; i < bound; i++) {
            var v = x[i];
            var exponent = (v * v * v * Exponential.GELU_CUBIC + v) * Exponential.GELU_EXPONENT;
            x[i] = v / (Exponential.of(exponent) + 1);
        }
        for (var i = bound; i < x.length; i++) {
            x[i] = Exponential.geluTanh(x[i]);
        }
    }
}
