package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Products with F32 rows in native memory. Four rows at a time share each load of `x`, two accumulators a
/// row hide the latency of the multiply-add. The four are a quarter of the range apart, so that memory is
/// read in four long streams, which the processor fetches ahead better than four neighbouring rows. A row's
/// sum is the same in groups of four and alone.
final class FloatProducts {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

    private FloatProducts() {}

    /// See [Kernels#dots].
    static void dots(
            MemorySegment data,
            long start,
            int rows,
            int columns,
            float[] x,
            int xOffset,
            float[] y,
            int yOffset,
            float[] lanes) {
        var rowBytes = columns * 4L;
        var quarter = rows / 4;
        for (var i = 0; i < quarter; i++) {
            four(data, start + i * rowBytes, quarter * rowBytes, columns, x, xOffset, lanes);
            for (var k = 0; k < 4; k++) {
                var row = i + k * quarter;
                var tail = tail(data, start + row * rowBytes, columns, x, xOffset);
                y[yOffset + row] = VectorKernels.fold(lanes, k * WIDTH) + tail;
            }
        }
        for (var i = 4 * quarter; i < rows; i++) {
            var row = start + i * rowBytes;
            y[yOffset + i] = one(data, row, columns, x, xOffset, lanes) + tail(data, row, columns, x, xOffset);
        }
    }

    private static FloatVector load(MemorySegment data, long at) {
        return FloatVector.fromMemorySegment(FLOATS, data, at, LITTLE);
    }

    private static void four(MemorySegment w, long r0, long apart, int columns, float[] x, int offset, float[] lanes) {
        var r1 = r0 + apart;
        var r2 = r1 + apart;
        var r3 = r2 + apart;
        var a0 = FloatVector.zero(FLOATS);
        var b0 = a0;
        var a1 = a0;
        var b1 = a0;
        var a2 = a0;
        var b2 = a0;
        var a3 = a0;
        var b3 = a0;
        var bound = columns - columns % (2 * WIDTH);
        for (var j = 0; j < bound; j += 2 * WIDTH) {
            var xa = FloatVector.fromArray(FLOATS, x, offset + j);
            var xb = FloatVector.fromArray(FLOATS, x, offset + j + WIDTH);
            var at = j * 4L;
            var next = at + WIDTH * 4L;
            a0 = load(w, r0 + at).fma(xa, a0);
            b0 = load(w, r0 + next).fma(xb, b0);
            a1 = load(w, r1 + at).fma(xa, a1);
            b1 = load(w, r1 + next).fma(xb, b1);
            a2 = load(w, r2 + at).fma(xa, a2);
            b2 = load(w, r2 + next).fma(xb, b2);
            a3 = load(w, r3 + at).fma(xa, a3);
            b3 = load(w, r3 + next).fma(xb, b3);
        }
        a0.add(b0).intoArray(lanes, 0);
        a1.add(b1).intoArray(lanes, WIDTH);
        a2.add(b2).intoArray(lanes, 2 * WIDTH);
        a3.add(b3).intoArray(lanes, 3 * WIDTH);
    }

    private static float one(MemorySegment w, long row, int columns, float[] x, int offset, float[] lanes) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var bound = columns - columns % (2 * WIDTH);
        for (var j = 0; j < bound; j += 2 * WIDTH) {
            a = load(w, row + j * 4L).fma(FloatVector.fromArray(FLOATS, x, offset + j), a);
            b = load(w, row + (j + WIDTH) * 4L).fma(FloatVector.fromArray(FLOATS, x, offset + j + WIDTH), b);
        }
        return VectorKernels.sum(a.add(b), lanes);
    }

    /// What is left of a row after pairs of vectors.
    private static float tail(MemorySegment w, long row, int columns, float[] x, int offset) {
        float sum = 0;
        for (var j = columns - columns % (2 * WIDTH); j < columns; j++) {
            sum += w.get(HostTensor.FLOAT, row + j * 4L) * x[offset + j];
        }
        return sum;
    }

    /// See [Kernels#mix].
    static void mix(
            MemorySegment data, long start, int rows, int columns, float[] p, int pOffset, float[] y, int yOffset) {
        var rowBytes = columns * 4L;
        var j = 0;
        for (; j <= columns - 2 * WIDTH; j += 2 * WIDTH) {
            var a = FloatVector.zero(FLOATS);
            var b = a;
            for (var i = 0; i < rows; i++) {
                var at = start + i * rowBytes + j * 4L;
                var weight = FloatVector.broadcast(FLOATS, p[pOffset + i]);
                a = load(data, at).fma(weight, a);
                b = load(data, at + WIDTH * 4L).fma(weight, b);
            }
            a.intoArray(y, yOffset + j);
            b.intoArray(y, yOffset + j + WIDTH);
        }
        Arrays.fill(y, yOffset + j, yOffset + columns, 0);
        for (var i = 0; j < columns && i < rows; i++) {
            var at = start + i * rowBytes;
            for (var k = j; k < columns; k++) {
                y[yOffset + k] += p[pOffset + i] * data.get(HostTensor.FLOAT, at + k * 4L);
            }
        }
    }
}
