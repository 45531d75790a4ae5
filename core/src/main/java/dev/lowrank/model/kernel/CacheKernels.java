package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// What attention reads of a cache in F32. Keys lie with positions side by side, so that a lane sums a position's
/// product and nothing is summed over lanes.
final class CacheKernels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final int TOGETHER = 8;
    private static final int COLUMNS_TOGETHER = 4;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

    private CacheKernels() {}

    /// See [Kernels#scores].
    static void scores(MemorySegment keys, long start, int width, float[] q, int qOffset, float[] scores, int at) {
        for (var first = 0; first < Kernels.KEY_GROUP; first += TOGETHER * WIDTH) {
            var p0 = place(start, width, first);
            var p1 = place(start, width, first + WIDTH);
            var p2 = place(start, width, first + 2 * WIDTH);
            var p3 = place(start, width, first + 3 * WIDTH);
            var p4 = place(start, width, first + 4 * WIDTH);
            var p5 = place(start, width, first + 5 * WIDTH);
            var p6 = place(start, width, first + 6 * WIDTH);
            var p7 = place(start, width, first + 7 * WIDTH);
            var a = FloatVector.zero(FLOATS);
            var b = a;
            var c = a;
            var d = a;
            var e = a;
            var f = a;
            var g = a;
            var h = a;
            for (var j = 0; j < width; j++) {
                var value = FloatVector.broadcast(FLOATS, q[qOffset + j]);
                var next = (long) j * Kernels.KEY_BLOCK * 4;
                a = FloatVector.fromMemorySegment(FLOATS, keys, p0 + next, LITTLE)
                        .fma(value, a);
                b = FloatVector.fromMemorySegment(FLOATS, keys, p1 + next, LITTLE)
                        .fma(value, b);
                c = FloatVector.fromMemorySegment(FLOATS, keys, p2 + next, LITTLE)
                        .fma(value, c);
                d = FloatVector.fromMemorySegment(FLOATS, keys, p3 + next, LITTLE)
                        .fma(value, d);
                e = FloatVector.fromMemorySegment(FLOATS, keys, p4 + next, LITTLE)
                        .fma(value, e);
                f = FloatVector.fromMemorySegment(FLOATS, keys, p5 + next, LITTLE)
                        .fma(value, f);
                g = FloatVector.fromMemorySegment(FLOATS, keys, p6 + next, LITTLE)
                        .fma(value, g);
                h = FloatVector.fromMemorySegment(FLOATS, keys, p7 + next, LITTLE)
                        .fma(value, h);
            }
            a.intoArray(scores, at + first);
            b.intoArray(scores, at + first + WIDTH);
            c.intoArray(scores, at + first + 2 * WIDTH);
            d.intoArray(scores, at + first + 3 * WIDTH);
            e.intoArray(scores, at + first + 4 * WIDTH);
            f.intoArray(scores, at + first + 5 * WIDTH);
            g.intoArray(scores, at + first + 6 * WIDTH);
            h.intoArray(scores, at + first + 7 * WIDTH);
        }
    }

    /// Byte of a position's first word.
    ///
    /// @param words of a key
    static long place(long start, int words, int position) {
        var block = position / Kernels.KEY_BLOCK;
        return start + ((long) block * words * Kernels.KEY_BLOCK + position % Kernels.KEY_BLOCK) * 4;
    }

    /// See [Kernels#mix].
    static void mix(
            MemorySegment data, long start, int rows, int columns, float[] p, int pOffset, float[] y, int yOffset) {
        var rowBytes = columns * 4L;
        var j = 0;
        for (; j <= columns - COLUMNS_TOGETHER * WIDTH; j += COLUMNS_TOGETHER * WIDTH) {
            four(data, start + j * 4L, rows, rowBytes, p, pOffset, y, yOffset + j);
        }
        for (; j <= columns - WIDTH; j += WIDTH) {
            var a = FloatVector.fromArray(FLOATS, y, yOffset + j);
            for (var i = 0; i < rows; i++) {
                a = FloatVector.fromMemorySegment(FLOATS, data, start + i * rowBytes + j * 4L, LITTLE)
                        .fma(FloatVector.broadcast(FLOATS, p[pOffset + i]), a);
            }
            a.intoArray(y, yOffset + j);
        }
        for (var i = 0; j < columns && i < rows; i++) {
            for (var k = j; k < columns; k++) {
                y[yOffset + k] += p[pOffset + i] * data.get(HostTensor.FLOAT, start + i * rowBytes + k * 4L);
            }
        }
    }

    /// Even and odd rows have sums of their own, which hides the latency of the multiply-add.
    private static void four(
            MemorySegment data, long start, int rows, long rowBytes, float[] p, int pOffset, float[] y, int at) {
        var a = FloatVector.fromArray(FLOATS, y, at);
        var b = FloatVector.fromArray(FLOATS, y, at + WIDTH);
        var c = FloatVector.fromArray(FLOATS, y, at + 2 * WIDTH);
        var d = FloatVector.fromArray(FLOATS, y, at + 3 * WIDTH);
        var e = FloatVector.zero(FLOATS);
        var f = e;
        var g = e;
        var h = e;
        for (var i = 0; i < rows - 1; i += 2) {
            var row = start + i * rowBytes;
            var weight = FloatVector.broadcast(FLOATS, p[pOffset + i]);
            a = FloatVector.fromMemorySegment(FLOATS, data, row, LITTLE).fma(weight, a);
            b = FloatVector.fromMemorySegment(FLOATS, data, row + BYTES, LITTLE).fma(weight, b);
            c = FloatVector.fromMemorySegment(FLOATS, data, row + 2 * BYTES, LITTLE)
                    .fma(weight, c);
            d = FloatVector.fromMemorySegment(FLOATS, data, row + 3 * BYTES, LITTLE)
                    .fma(weight, d);
            row += rowBytes;
            weight = FloatVector.broadcast(FLOATS, p[pOffset + i + 1]);
            e = FloatVector.fromMemorySegment(FLOATS, data, row, LITTLE).fma(weight, e);
            f = FloatVector.fromMemorySegment(FLOATS, data, row + BYTES, LITTLE).fma(weight, f);
            g = FloatVector.fromMemorySegment(FLOATS, data, row + 2 * BYTES, LITTLE)
                    .fma(weight, g);
            h = FloatVector.fromMemorySegment(FLOATS, data, row + 3 * BYTES, LITTLE)
                    .fma(weight, h);
        }
        if (rows % 2 != 0) {
            var row = start + (rows - 1) * rowBytes;
            var weight = FloatVector.broadcast(FLOATS, p[pOffset + rows - 1]);
            a = FloatVector.fromMemorySegment(FLOATS, data, row, LITTLE).fma(weight, a);
            b = FloatVector.fromMemorySegment(FLOATS, data, row + BYTES, LITTLE).fma(weight, b);
            c = FloatVector.fromMemorySegment(FLOATS, data, row + 2 * BYTES, LITTLE)
                    .fma(weight, c);
            d = FloatVector.fromMemorySegment(FLOATS, data, row + 3 * BYTES, LITTLE)
                    .fma(weight, d);
        }
        a.add(e).intoArray(y, at);
        b.add(f).intoArray(y, at + WIDTH);
        c.add(g).intoArray(y, at + 2 * WIDTH);
        d.add(h).intoArray(y, at + 3 * WIDTH);
    }
}
