package dev.lowrank.model.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Sums of panels in F32, BF16 and F16: a vector of weights meets one activation, so that each lane sums a
/// row of its own, in the order of the columns.
///
/// Four panels run at a time, so that memory is read in four long streams and four sums hide the latency of
/// the multiply-add. The methods are written out without helpers because the compiler gives up inlining in
/// methods with many vector operations.
final class PlainPanels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final int UPPER = 0xFFFF0000;

    private PlainPanels() {}

    /// Four panels, `apart` bytes from one another, with one row.
    static void f32(MemorySegment w, long start, long apart, int columns, float[] x, float[] sums) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var c = a;
        var d = a;
        var at = start;
        for (var j = 0; j < columns; j++) {
            var value = FloatVector.broadcast(FLOATS, x[j]);
            a = FloatVector.fromMemorySegment(FLOATS, w, at, LITTLE).fma(value, a);
            b = FloatVector.fromMemorySegment(FLOATS, w, at + apart, LITTLE).fma(value, b);
            c = FloatVector.fromMemorySegment(FLOATS, w, at + 2 * apart, LITTLE).fma(value, c);
            d = FloatVector.fromMemorySegment(FLOATS, w, at + 3 * apart, LITTLE).fma(value, d);
            at += BYTES;
        }
        a.intoArray(sums, 0);
        b.intoArray(sums, WIDTH);
        c.intoArray(sums, 2 * WIDTH);
        d.intoArray(sums, 3 * WIDTH);
    }

    /// One panel with four rows.
    static void f32(
            MemorySegment w, long start, int columns, float[] x, float[] y, float[] z, float[] u, float[] sums) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var c = a;
        var d = a;
        var at = start;
        for (var j = 0; j < columns; j++) {
            var weight = FloatVector.fromMemorySegment(FLOATS, w, at, LITTLE);
            a = weight.fma(FloatVector.broadcast(FLOATS, x[j]), a);
            b = weight.fma(FloatVector.broadcast(FLOATS, y[j]), b);
            c = weight.fma(FloatVector.broadcast(FLOATS, z[j]), c);
            d = weight.fma(FloatVector.broadcast(FLOATS, u[j]), d);
            at += BYTES;
        }
        a.intoArray(sums, 0);
        b.intoArray(sums, WIDTH);
        c.intoArray(sums, 2 * WIDTH);
        d.intoArray(sums, 3 * WIDTH);
    }

    /// Four panels, `apart` bytes from one another, with one row.
    static void bf16(MemorySegment w, long start, long apart, int words, float[] x, float[] sums) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var c = a;
        var d = a;
        var at = start;
        for (var j = 0; j < words; j++) {
            var even = FloatVector.broadcast(FLOATS, x[2 * j]);
            var odd = FloatVector.broadcast(FLOATS, x[2 * j + 1]);
            var pairs = IntVector.fromMemorySegment(INTS, w, at, LITTLE);
            a = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, a);
            a = pairs.and(UPPER).reinterpretAsFloats().fma(odd, a);
            pairs = IntVector.fromMemorySegment(INTS, w, at + apart, LITTLE);
            b = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, b);
            b = pairs.and(UPPER).reinterpretAsFloats().fma(odd, b);
            pairs = IntVector.fromMemorySegment(INTS, w, at + 2 * apart, LITTLE);
            c = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, c);
            c = pairs.and(UPPER).reinterpretAsFloats().fma(odd, c);
            pairs = IntVector.fromMemorySegment(INTS, w, at + 3 * apart, LITTLE);
            d = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(even, d);
            d = pairs.and(UPPER).reinterpretAsFloats().fma(odd, d);
            at += BYTES;
        }
        a.intoArray(sums, 0);
        b.intoArray(sums, WIDTH);
        c.intoArray(sums, 2 * WIDTH);
        d.intoArray(sums, 3 * WIDTH);
    }

    /// One panel with four rows.
    static void bf16(MemorySegment w, long start, int words, float[] x, float[] y, float[] z, float[] u, float[] sums) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var c = a;
        var d = a;
        var at = start;
        for (var j = 0; j < words; j++) {
            var pairs = IntVector.fromMemorySegment(INTS, w, at, LITTLE);
            var even = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            var odd = pairs.and(UPPER).reinterpretAsFloats();
            a = even.fma(FloatVector.broadcast(FLOATS, x[2 * j]), a);
            a = odd.fma(FloatVector.broadcast(FLOATS, x[2 * j + 1]), a);
            b = even.fma(FloatVector.broadcast(FLOATS, y[2 * j]), b);
            b = odd.fma(FloatVector.broadcast(FLOATS, y[2 * j + 1]), b);
            c = even.fma(FloatVector.broadcast(FLOATS, z[2 * j]), c);
            c = odd.fma(FloatVector.broadcast(FLOATS, z[2 * j + 1]), c);
            d = even.fma(FloatVector.broadcast(FLOATS, u[2 * j]), d);
            d = odd.fma(FloatVector.broadcast(FLOATS, u[2 * j + 1]), d);
            at += BYTES;
        }
        a.intoArray(sums, 0);
        b.intoArray(sums, WIDTH);
        c.intoArray(sums, 2 * WIDTH);
        d.intoArray(sums, 3 * WIDTH);
    }

    /// One panel with one row.
    static void f16(MemorySegment w, long start, int words, float[] x, float[] sums) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        for (var j = 0; j < words; j++) {
            var pairs = IntVector.fromMemorySegment(INTS, w, start + j * BYTES, LITTLE);
            a = half(pairs, 0).fma(FloatVector.broadcast(FLOATS, x[2 * j]), a);
            b = half(pairs, 16).fma(FloatVector.broadcast(FLOATS, x[2 * j + 1]), b);
        }
        a.add(b).intoArray(sums, 0);
    }

    /// As a scale, but with what is not finite.
    private static FloatVector half(IntVector pairs, int shift) {
        var finite = BlockScales.half(pairs, shift);
        var bits = pairs.lanewise(VectorOperators.LSHR, shift);
        var special = bits.and(0x3FF)
                .lanewise(VectorOperators.LSHL, 13)
                .or(bits.and(0x8000).lanewise(VectorOperators.LSHL, 16))
                .or(0x7F800000)
                .reinterpretAsFloats();
        return finite.blend(special, bits.and(0x7C00).eq(0x7C00).cast(FLOATS));
    }
}
