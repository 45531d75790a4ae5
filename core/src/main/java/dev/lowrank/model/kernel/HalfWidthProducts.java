package dev.lowrank.model.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Products with BF16 and F16 rows in native memory, four rows at a time as in [FloatProducts]. An int
/// holds two weights; the even one comes out by a shift, the odd one by a mask, both exactly, and meet the
/// even and odd elements of `x` in [RowVector#split()].
final class HalfWidthProducts {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final int UPPER = 0xFFFF0000;
    private static final int SIGN = 0x80000000;
    /// Exponent and mantissa of an F16, moved to where an F32 has them; its exponent is then short by 112.
    private static final int MAGNITUDE = 0x0FFFE000;
    private static final float EXPONENT_GAP = 0x1p112f;
    private static final int F16_INFINITY = 0x0F800000;
    private static final int F32_INFINITY = 0x7F800000;

    private HalfWidthProducts() {}

    /// See [Kernels#split].
    static void split(RowVector x) {
        var values = x.values();
        var split = x.split();
        var bound = values.length - values.length % (2 * WIDTH);
        for (var j = 0; j < bound; j += 2 * WIDTH) {
            for (var i = 0; i < WIDTH; i++) {
                split[j + i] = values[j + 2 * i];
                split[j + WIDTH + i] = values[j + 2 * i + 1];
            }
        }
        System.arraycopy(values, bound, split, bound, values.length - bound);
    }

    private static IntVector load(MemorySegment data, long at) {
        return IntVector.fromMemorySegment(INTS, data, at, LITTLE);
    }

    private static FloatVector even(IntVector pairs) {
        return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static FloatVector odd(IntVector pairs) {
        return pairs.and(UPPER).reinterpretAsFloats();
    }

    /// See [Kernels#products].
    static void bf16(RowMatrix w, long start, int rows, RowVector x, float[] y, int offset, float[] lanes) {
        var quarter = rows / 4;
        for (var i = 0; i < quarter; i++) {
            fourBf16(w.data(), start + i * w.rowBytes(), quarter * w.rowBytes(), w.columns(), x.split(), lanes);
            for (var k = 0; k < 4; k++) {
                var row = i + k * quarter;
                var tail = tail(w, start + row * w.rowBytes(), x.split());
                y[offset + row] = VectorKernels.fold(lanes, k * WIDTH) + tail;
            }
        }
        for (var i = 4 * quarter; i < rows; i++) {
            var row = start + i * w.rowBytes();
            y[offset + i] = oneBf16(w.data(), row, w.columns(), x.split(), lanes) + tail(w, row, x.split());
        }
    }

    private static void fourBf16(MemorySegment w, long r0, long apart, int columns, float[] x, float[] lanes) {
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
            var xa = FloatVector.fromArray(FLOATS, x, j);
            var xb = FloatVector.fromArray(FLOATS, x, j + WIDTH);
            var at = j * 2L;
            var w0 = load(w, r0 + at);
            a0 = even(w0).fma(xa, a0);
            b0 = odd(w0).fma(xb, b0);
            var w1 = load(w, r1 + at);
            a1 = even(w1).fma(xa, a1);
            b1 = odd(w1).fma(xb, b1);
            var w2 = load(w, r2 + at);
            a2 = even(w2).fma(xa, a2);
            b2 = odd(w2).fma(xb, b2);
            var w3 = load(w, r3 + at);
            a3 = even(w3).fma(xa, a3);
            b3 = odd(w3).fma(xb, b3);
        }
        a0.add(b0).intoArray(lanes, 0);
        a1.add(b1).intoArray(lanes, WIDTH);
        a2.add(b2).intoArray(lanes, 2 * WIDTH);
        a3.add(b3).intoArray(lanes, 3 * WIDTH);
    }

    private static float oneBf16(MemorySegment w, long row, int columns, float[] x, float[] lanes) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var bound = columns - columns % (2 * WIDTH);
        for (var j = 0; j < bound; j += 2 * WIDTH) {
            var pairs = load(w, row + j * 2L);
            a = even(pairs).fma(FloatVector.fromArray(FLOATS, x, j), a);
            b = odd(pairs).fma(FloatVector.fromArray(FLOATS, x, j + WIDTH), b);
        }
        return VectorKernels.sum(a.add(b), lanes);
    }

    /// See [Kernels#products]. One row at a time: with two the method outgrows what the compiler inlines,
    /// and runs three times slower.
    static void f16(RowMatrix w, long start, int rows, RowVector x, float[] y, int offset, float[] lanes) {
        for (var i = 0; i < rows; i++) {
            var row = start + i * w.rowBytes();
            y[offset + i] = oneF16(w.data(), row, w.columns(), x.split(), lanes) + tail(w, row, x.split());
        }
    }

    private static float oneF16(MemorySegment w, long row, int columns, float[] x, float[] lanes) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var bound = columns - columns % (2 * WIDTH);
        for (var j = 0; j < bound; j += 2 * WIDTH) {
            var pairs = load(w, row + j * 2L);
            var even = widen(pairs.lanewise(VectorOperators.LSHL, 16));
            a = even.fma(FloatVector.fromArray(FLOATS, x, j), a);
            b = widen(pairs.and(UPPER)).fma(FloatVector.fromArray(FLOATS, x, j + WIDTH), b);
        }
        return VectorKernels.sum(a.add(b), lanes);
    }

    /// F16 in the upper half of each int to F32, exactly, subnormal numbers, infinities and NaN included.
    private static FloatVector widen(IntVector upper) {
        var magnitude = upper.lanewise(VectorOperators.ASHR, 3).and(MAGNITUDE);
        var scaled = magnitude.reinterpretAsFloats().mul(EXPONENT_GAP).reinterpretAsInts();
        var infinite = magnitude.compare(VectorOperators.GE, F16_INFINITY);
        var whole = scaled.lanewise(VectorOperators.OR, F32_INFINITY, infinite);
        return whole.or(upper.and(SIGN)).reinterpretAsFloats();
    }

    /// What is left of a row after pairs of vectors; `x` is in plain order there.
    private static float tail(RowMatrix w, long row, float[] x) {
        float sum = 0;
        for (var j = w.columns() - w.columns() % (2 * WIDTH); j < w.columns(); j++) {
            sum += w.element(row, j) * x[j];
        }
        return sum;
    }
}
