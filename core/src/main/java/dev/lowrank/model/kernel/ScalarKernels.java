package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Plain loops for a JVM without the Vector API: four partial sums per row, which is what one core can
/// overlap.
final class ScalarKernels implements Kernels {
    private static final float GELU_FACTOR = (float) Math.sqrt(2 / Math.PI);

    @Override
    public String describe() {
        return "plain loops (start the JVM with --add-modules jdk.incubator.vector for vector kernels)";
    }

    @Override
    public void split(RowVector x) {
        // Products below read the plain order.
    }

    @Override
    public void products(RowMatrix w, int first, int rows, RowVector x, float[] y, int offset, float[] lanes) {
        if (w.dtype().isBlocks()) {
            for (var i = 0; i < rows; i++) {
                y[offset + i] = blockDot(w, first + i, x.values(), lanes);
            }
        } else if (w.halfWidth()) {
            for (var i = 0; i < rows; i++) {
                y[offset + i] = halfWidthDot(w, (first + i) * w.rowBytes(), x.values());
            }
        } else {
            dots(w.data(), first * w.rowBytes(), rows, w.columns(), x.values(), 0, y, offset, lanes);
        }
    }

    /// The sum of [#dot] over the decoded row, in the same order.
    private static float blockDot(RowMatrix w, int row, float[] x, float[] lanes) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        var weights = w.dtype().blockWeights();
        for (var j = 0; j < w.columns(); j += weights) {
            w.copyFloats(row, j, weights, lanes);
            for (var i = 0; i < weights; i += 4) {
                a += lanes[i] * x[j + i];
                b += lanes[i + 1] * x[j + i + 1];
                c += lanes[i + 2] * x[j + i + 2];
                d += lanes[i + 3] * x[j + i + 3];
            }
        }
        return (a + b) + (c + d);
    }

    private static float halfWidthDot(RowMatrix w, long start, float[] x) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        var columns = w.columns();
        var j = 0;
        for (; j <= columns - 4; j += 4) {
            a += w.element(start, j) * x[j];
            b += w.element(start, j + 1) * x[j + 1];
            c += w.element(start, j + 2) * x[j + 2];
            d += w.element(start, j + 3) * x[j + 3];
        }
        for (; j < columns; j++) {
            a += w.element(start, j) * x[j];
        }
        return (a + b) + (c + d);
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
        for (var i = 0; i < rows; i++) {
            y[yOffset + i] = dot(data, start + (long) i * columns * 4, columns, x, xOffset);
        }
    }

    private static float dot(MemorySegment data, long start, int columns, float[] x, int offset) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        var j = 0;
        for (; j <= columns - 4; j += 4) {
            var at = start + j * 4L;
            a += data.get(HostTensor.FLOAT, at) * x[offset + j];
            b += data.get(HostTensor.FLOAT, at + 4) * x[offset + j + 1];
            c += data.get(HostTensor.FLOAT, at + 8) * x[offset + j + 2];
            d += data.get(HostTensor.FLOAT, at + 12) * x[offset + j + 3];
        }
        for (; j < columns; j++) {
            a += data.get(HostTensor.FLOAT, start + j * 4L) * x[offset + j];
        }
        return (a + b) + (c + d);
    }

    @Override
    public void mix(
            MemorySegment data, long start, int rows, int columns, float[] p, int pOffset, float[] y, int yOffset) {
        Arrays.fill(y, yOffset, yOffset + columns, 0);
        for (var i = 0; i < rows; i++) {
            var weight = p[pOffset + i];
            var at = start + (long) i * columns * 4;
            for (var j = 0; j < columns; j++) {
                y[yOffset + j] += weight * data.get(HostTensor.FLOAT, at + j * 4L);
            }
        }
    }

    @Override
    public void softmax(float[] p, int offset, int length, float scale, float[] lanes) {
        var max = Float.NEGATIVE_INFINITY;
        for (var i = offset; i < offset + length; i++) {
            max = Math.max(max, p[i]);
        }
        var sum = 0.0;
        for (var i = offset; i < offset + length; i++) {
            p[i] = (float) Math.exp((p[i] - max) * scale);
            sum += p[i];
        }
        var factor = (float) (1 / sum);
        for (var i = offset; i < offset + length; i++) {
            p[i] *= factor;
        }
    }

    @Override
    public void rmsNorm(float[] x, float[] scale, double epsilon, float[] y, float[] lanes) {
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
    public void layerNorm(float[] x, float[] scale, float[] shift, double epsilon, float[] y, float[] lanes) {
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
