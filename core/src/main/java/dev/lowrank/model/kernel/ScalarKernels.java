package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;

/// Plain loops for a JVM without the Vector API: four partial sums per row, which is what one core can
/// overlap.
final class ScalarKernels implements Kernels {
    private static final int LANES = 8;
    private static final float GELU_FACTOR = (float) Math.sqrt(2 / Math.PI);

    @Override
    public String describe() {
        return "plain loops (start the JVM with --add-modules jdk.incubator.vector for vector kernels)";
    }

    @Override
    public int lanes() {
        return LANES;
    }

    @Override
    public int panelsTogether(Panels w) {
        return 1;
    }

    @Override
    public void prepare(RowInput x, Panels w) {
        // Products below read the elements as they are.
    }

    @Override
    public int scratch(Panels w) {
        return Math.max(LANES, w.columns());
    }

    @Override
    public void products(Panels w, int first, int count, RowInput x, float[] y, int offset, float[] scratch) {
        var end = Math.min((first + count) * LANES, w.rows());
        for (var row = first * LANES; row < end; row++) {
            w.copyRow(row, scratch);
            y[offset + row] = dot(scratch, w.columns(), x.values());
        }
    }

    @Override
    public void products(
            Panels w, int first, int count, RowInput[] x, int from, float[][] y, int offset, float[] scratch) {
        var end = Math.min((first + count) * LANES, w.rows());
        for (var row = first * LANES; row < end; row++) {
            w.copyRow(row, scratch);
            for (var i = from; i < from + ROWS; i++) {
                y[i][offset + row] = dot(scratch, w.columns(), x[i].values());
            }
        }
    }

    private static float dot(float[] w, int columns, float[] x) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        var j = 0;
        for (; j <= columns - 4; j += 4) {
            a += w[j] * x[j];
            b += w[j + 1] * x[j + 1];
            c += w[j + 2] * x[j + 2];
            d += w[j + 3] * x[j + 3];
        }
        for (; j < columns; j++) {
            a += w[j] * x[j];
        }
        return (a + b) + (c + d);
    }

    @Override
    public void scores(MemorySegment keys, long start, int width, float[] q, int qOffset, float[] scores, int at) {
        for (var i = 0; i < KEY_GROUP; i++) {
            var place = start + ((long) (i / KEY_BLOCK) * width * KEY_BLOCK + i % KEY_BLOCK) * 4;
            float sum = 0;
            for (var j = 0; j < width; j++) {
                sum += keys.get(HostTensor.FLOAT, place + (long) j * KEY_BLOCK * 4) * q[qOffset + j];
            }
            scores[at + i] = sum;
        }
    }

    @Override
    public void mix(
            MemorySegment data, long start, int rows, int columns, float[] p, int pOffset, float[] y, int yOffset) {
        for (var i = 0; i < rows; i++) {
            var weight = p[pOffset + i];
            var at = start + (long) i * columns * 4;
            for (var j = 0; j < columns; j++) {
                y[yOffset + j] += weight * data.get(HostTensor.FLOAT, at + j * 4L);
            }
        }
    }

    @Override
    public void expShifted(float[] p, int offset, int length, float scale, float[] result, int at, float[] scratch) {
        var max = Float.NEGATIVE_INFINITY;
        for (var i = offset; i < offset + length; i++) {
            max = Math.max(max, p[i]);
        }
        var sum = 0.0;
        for (var i = offset; i < offset + length; i++) {
            p[i] = (float) Math.exp((p[i] - max) * scale);
            sum += p[i];
        }
        result[at] = scale * max;
        result[at + 1] = (float) sum;
    }

    @Override
    public void rmsNorm(float[] x, float[] scale, double epsilon, float[] y, float[] scratch) {
        var sum = 0.0;
        for (var i = 0; i < scale.length; i++) {
            sum += (double) x[i] * x[i];
        }
        var factor = (float) (1 / Math.sqrt(sum / scale.length + epsilon));
        for (var i = 0; i < scale.length; i++) {
            y[i] = x[i] * factor * scale[i];
        }
    }

    @Override
    public void layerNorm(float[] x, float[] scale, float[] shift, double epsilon, float[] y, float[] scratch) {
        var total = 0.0;
        for (var i = 0; i < scale.length; i++) {
            total += x[i];
        }
        var mean = (float) (total / scale.length);
        var squares = 0.0;
        for (var i = 0; i < scale.length; i++) {
            squares += (double) (x[i] - mean) * (x[i] - mean);
        }
        var factor = (float) (1 / Math.sqrt(squares / scale.length + epsilon));
        for (var i = 0; i < scale.length; i++) {
            y[i] = (x[i] - mean) * factor * scale[i] + shift[i];
        }
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
        for (var i = 0; i < x.length; i++) {
            x[i] = silu(x[i]);
        }
    }

    @Override
    public void geluTanh(float[] x) {
        for (var i = 0; i < x.length; i++) {
            x[i] = geluTanh(x[i]);
        }
    }

    static float silu(float x) {
        return (float) (x / (1 + Math.exp(-x)));
    }

    /// `(1 + tanh u) / 2 = 1 / (1 + exp(−2u))`, without the cancellation of the left side.
    static float geluTanh(float x) {
        var u = GELU_FACTOR * (x + 0.044715f * x * x * x);
        return (float) (x / (1 + Math.exp(-2 * u)));
    }
}
