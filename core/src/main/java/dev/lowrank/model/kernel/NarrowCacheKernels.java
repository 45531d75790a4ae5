package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// What attention reads of a cache in BF16, two numbers to a word: the sums of [CacheKernels] in their
/// order, over the same numbers in half the memory.
final class NarrowCacheKernels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final int TOGETHER = 8;
    private static final int COLUMNS_TOGETHER = 4;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final int UPPER = 0xFFFF0000;

    private NarrowCacheKernels() {}

    /// See [Kernels#scores].
    static void scores(MemorySegment keys, long start, int width, float[] q, int qOffset, float[] scores, int at) {
        var words = width / 2;
        for (var first = 0; first < Kernels.KEY_GROUP; first += TOGETHER * WIDTH) {
            var p0 = CacheKernels.place(start, words, first);
            var p1 = CacheKernels.place(start, words, first + WIDTH);
            var p2 = CacheKernels.place(start, words, first + 2 * WIDTH);
            var p3 = CacheKernels.place(start, words, first + 3 * WIDTH);
            var p4 = CacheKernels.place(start, words, first + 4 * WIDTH);
            var p5 = CacheKernels.place(start, words, first + 5 * WIDTH);
            var p6 = CacheKernels.place(start, words, first + 6 * WIDTH);
            var p7 = CacheKernels.place(start, words, first + 7 * WIDTH);
            var a = FloatVector.zero(FLOATS);
            var b = a;
            var c = a;
            var d = a;
            var e = a;
            var f = a;
            var g = a;
            var h = a;
            for (var j = 0; j < words; j++) {
                var even = FloatVector.broadcast(FLOATS, q[qOffset + 2 * j]);
                var odd = FloatVector.broadcast(FLOATS, q[qOffset + 2 * j + 1]);
                var next = (long) j * Kernels.KEY_BLOCK * 4;
                var pairs = IntVector.fromMemorySegment(INTS, keys, p0 + next, LITTLE);
                a = pairs.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(even, a);
                a = pairs.and(UPPER).reinterpretAsFloats().fma(odd, a);
                pairs = IntVector.fromMemorySegment(INTS, keys, p1 + next, LITTLE);
                b = pairs.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(even, b);
                b = pairs.and(UPPER).reinterpretAsFloats().fma(odd, b);
                pairs = IntVector.fromMemorySegment(INTS, keys, p2 + next, LITTLE);
                c = pairs.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(even, c);
                c = pairs.and(UPPER).reinterpretAsFloats().fma(odd, c);
                pairs = IntVector.fromMemorySegment(INTS, keys, p3 + next, LITTLE);
                d = pairs.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(even, d);
                d = pairs.and(UPPER).reinterpretAsFloats().fma(odd, d);
                pairs = IntVector.fromMemorySegment(INTS, keys, p4 + next, LITTLE);
                e = pairs.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(even, e);
                e = pairs.and(UPPER).reinterpretAsFloats().fma(odd, e);
                pairs = IntVector.fromMemorySegment(INTS, keys, p5 + next, LITTLE);
                f = pairs.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(even, f);
                f = pairs.and(UPPER).reinterpretAsFloats().fma(odd, f);
                pairs = IntVector.fromMemorySegment(INTS, keys, p6 + next, LITTLE);
                g = pairs.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(even, g);
                g = pairs.and(UPPER).reinterpretAsFloats().fma(odd, g);
                pairs = IntVector.fromMemorySegment(INTS, keys, p7 + next, LITTLE);
                h = pairs.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(even, h);
                h = pairs.and(UPPER).reinterpretAsFloats().fma(odd, h);
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

    /// See [Kernels#mix].
    static void mix(
            MemorySegment data, long start, int rows, int columns, float[] p, int pOffset, float[] y, int yOffset) {
        var pairBytes = columns * 4L;
        var j = 0;
        for (; j <= columns - COLUMNS_TOGETHER * WIDTH; j += COLUMNS_TOGETHER * WIDTH) {
            four(data, start + j * 4L, rows, pairBytes, p, pOffset, y, yOffset + j);
        }
        for (; j <= columns - WIDTH; j += WIDTH) {
            one(data, start + j * 4L, rows, pairBytes, p, pOffset, y, yOffset + j);
        }
        for (var i = 0; j < columns && i < rows; i++) {
            for (var k = j; k < columns; k++) {
                var pair = data.get(HostTensor.INT, start + i / 2 * pairBytes + k * 4L);
                y[yOffset + k] += p[pOffset + i] * Float.intBitsToFloat(i % 2 == 0 ? pair << 16 : pair & UPPER);
            }
        }
    }

    private static void one(
            MemorySegment data, long start, int rows, long pairBytes, float[] p, int pOffset, float[] y, int at) {
        var a = FloatVector.fromArray(FLOATS, y, at);
        for (var i = 0; i < rows - 1; i += 2) {
            var pairs = IntVector.fromMemorySegment(INTS, data, start + i / 2 * pairBytes, LITTLE);
            a = pairs.lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .fma(FloatVector.broadcast(FLOATS, p[pOffset + i]), a);
            a = pairs.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(FLOATS, p[pOffset + i + 1]), a);
        }
        if (rows % 2 != 0) {
            var pairs = IntVector.fromMemorySegment(INTS, data, start + rows / 2 * pairBytes, LITTLE);
            a = pairs.lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .fma(FloatVector.broadcast(FLOATS, p[pOffset + rows - 1]), a);
        }
        a.intoArray(y, at);
    }

    private static void four(
            MemorySegment data, long start, int rows, long pairBytes, float[] p, int pOffset, float[] y, int at) {
        var a = FloatVector.fromArray(FLOATS, y, at);
        var b = FloatVector.fromArray(FLOATS, y, at + WIDTH);
        var c = FloatVector.fromArray(FLOATS, y, at + 2 * WIDTH);
        var d = FloatVector.fromArray(FLOATS, y, at + 3 * WIDTH);
        var e = FloatVector.zero(FLOATS);
        var f = e;
        var g = e;
        var h = e;
        for (var i = 0; i < rows - 1; i += 2) {
            var pair = start + i / 2 * pairBytes;
            var even = FloatVector.broadcast(FLOATS, p[pOffset + i]);
            var odd = FloatVector.broadcast(FLOATS, p[pOffset + i + 1]);
            var pairs = IntVector.fromMemorySegment(INTS, data, pair, LITTLE);
            a = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, a);
            e = pairs.and(UPPER).reinterpretAsFloats().fma(odd, e);
            pairs = IntVector.fromMemorySegment(INTS, data, pair + BYTES, LITTLE);
            b = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, b);
            f = pairs.and(UPPER).reinterpretAsFloats().fma(odd, f);
            pairs = IntVector.fromMemorySegment(INTS, data, pair + 2 * BYTES, LITTLE);
            c = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, c);
            g = pairs.and(UPPER).reinterpretAsFloats().fma(odd, g);
            pairs = IntVector.fromMemorySegment(INTS, data, pair + 3 * BYTES, LITTLE);
            d = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, d);
            h = pairs.and(UPPER).reinterpretAsFloats().fma(odd, h);
        }
        if (rows % 2 != 0) {
            var pair = start + rows / 2 * pairBytes;
            var even = FloatVector.broadcast(FLOATS, p[pOffset + rows - 1]);
            var pairs = IntVector.fromMemorySegment(INTS, data, pair, LITTLE);
            a = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, a);
            pairs = IntVector.fromMemorySegment(INTS, data, pair + BYTES, LITTLE);
            b = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, b);
            pairs = IntVector.fromMemorySegment(INTS, data, pair + 2 * BYTES, LITTLE);
            c = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, c);
            pairs = IntVector.fromMemorySegment(INTS, data, pair + 3 * BYTES, LITTLE);
            d = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, d);
        }
        a.add(e).intoArray(y, at);
        b.add(f).intoArray(y, at + WIDTH);
        c.add(g).intoArray(y, at + 2 * WIDTH);
        d.add(h).intoArray(y, at + 3 * WIDTH);
    }
}
