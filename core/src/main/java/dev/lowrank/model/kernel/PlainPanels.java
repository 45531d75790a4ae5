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
/// With one row memory is read in long streams side by side: two of F32, four columns of one and then of
/// the other, or four of BF16. Either is as quick as reading alone where other numbers of streams and
/// columns reach half of that (decision 28). Four rows meet two panels, whose loads they share. The methods
/// are written out without helpers because the compiler gives up inlining in methods with many vector
/// operations.
final class PlainPanels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final int UPPER = 0xFFFF0000;

    private PlainPanels() {}

    /// Two panels, `apart` bytes from one another, with one row.
    static void f32(MemorySegment w, long start, long apart, int columns, float[] x, float[] sums) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var at = start;
        var j = 0;
        for (; j < columns - 3; j += 4) {
            var value = FloatVector.broadcast(FLOATS, x[j]);
            a = FloatVector.fromMemorySegment(FLOATS, w, at, LITTLE).fma(value, a);
            b = FloatVector.fromMemorySegment(FLOATS, w, at + apart, LITTLE).fma(value, b);
            value = FloatVector.broadcast(FLOATS, x[j + 1]);
            a = FloatVector.fromMemorySegment(FLOATS, w, at + BYTES, LITTLE).fma(value, a);
            b = FloatVector.fromMemorySegment(FLOATS, w, at + apart + BYTES, LITTLE)
                    .fma(value, b);
            value = FloatVector.broadcast(FLOATS, x[j + 2]);
            a = FloatVector.fromMemorySegment(FLOATS, w, at + 2 * BYTES, LITTLE).fma(value, a);
            b = FloatVector.fromMemorySegment(FLOATS, w, at + apart + 2 * BYTES, LITTLE)
                    .fma(value, b);
            value = FloatVector.broadcast(FLOATS, x[j + 3]);
            a = FloatVector.fromMemorySegment(FLOATS, w, at + 3 * BYTES, LITTLE).fma(value, a);
            b = FloatVector.fromMemorySegment(FLOATS, w, at + apart + 3 * BYTES, LITTLE)
                    .fma(value, b);
            at += 4 * BYTES;
        }
        for (; j < columns; j++) {
            var value = FloatVector.broadcast(FLOATS, x[j]);
            a = FloatVector.fromMemorySegment(FLOATS, w, at, LITTLE).fma(value, a);
            b = FloatVector.fromMemorySegment(FLOATS, w, at + apart, LITTLE).fma(value, b);
            at += BYTES;
        }
        a.intoArray(sums, 0);
        b.intoArray(sums, WIDTH);
    }

    /// Two panels, `apart` bytes from one another, with four rows: the sums of the first, then those of the
    /// second.
    static void f32(
            MemorySegment w,
            long start,
            long apart,
            int columns,
            float[] x,
            float[] y,
            float[] z,
            float[] u,
            float[] sums) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var c = a;
        var d = a;
        var e = a;
        var f = a;
        var g = a;
        var h = a;
        var at = start;
        var j = 0;
        for (; j < columns - 1; j += 2) {
            var first = FloatVector.broadcast(FLOATS, x[j]);
            var second = FloatVector.broadcast(FLOATS, y[j]);
            var third = FloatVector.broadcast(FLOATS, z[j]);
            var fourth = FloatVector.broadcast(FLOATS, u[j]);
            var weight = FloatVector.fromMemorySegment(FLOATS, w, at, LITTLE);
            var other = FloatVector.fromMemorySegment(FLOATS, w, at + apart, LITTLE);
            a = weight.fma(first, a);
            e = other.fma(first, e);
            b = weight.fma(second, b);
            f = other.fma(second, f);
            c = weight.fma(third, c);
            g = other.fma(third, g);
            d = weight.fma(fourth, d);
            h = other.fma(fourth, h);
            first = FloatVector.broadcast(FLOATS, x[j + 1]);
            second = FloatVector.broadcast(FLOATS, y[j + 1]);
            third = FloatVector.broadcast(FLOATS, z[j + 1]);
            fourth = FloatVector.broadcast(FLOATS, u[j + 1]);
            weight = FloatVector.fromMemorySegment(FLOATS, w, at + BYTES, LITTLE);
            other = FloatVector.fromMemorySegment(FLOATS, w, at + BYTES + apart, LITTLE);
            a = weight.fma(first, a);
            e = other.fma(first, e);
            b = weight.fma(second, b);
            f = other.fma(second, f);
            c = weight.fma(third, c);
            g = other.fma(third, g);
            d = weight.fma(fourth, d);
            h = other.fma(fourth, h);
            at += 2 * BYTES;
        }
        if (j < columns) {
            var first = FloatVector.broadcast(FLOATS, x[j]);
            var second = FloatVector.broadcast(FLOATS, y[j]);
            var third = FloatVector.broadcast(FLOATS, z[j]);
            var fourth = FloatVector.broadcast(FLOATS, u[j]);
            var weight = FloatVector.fromMemorySegment(FLOATS, w, at, LITTLE);
            var other = FloatVector.fromMemorySegment(FLOATS, w, at + apart, LITTLE);
            a = weight.fma(first, a);
            e = other.fma(first, e);
            b = weight.fma(second, b);
            f = other.fma(second, f);
            c = weight.fma(third, c);
            g = other.fma(third, g);
            d = weight.fma(fourth, d);
            h = other.fma(fourth, h);
        }
        a.intoArray(sums, 0);
        b.intoArray(sums, WIDTH);
        c.intoArray(sums, 2 * WIDTH);
        d.intoArray(sums, 3 * WIDTH);
        e.intoArray(sums, 4 * WIDTH);
        f.intoArray(sums, 5 * WIDTH);
        g.intoArray(sums, 6 * WIDTH);
        h.intoArray(sums, 7 * WIDTH);
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

    /// Two panels, `apart` bytes from one another, with four rows: the sums of the first, then those of the
    /// second.
    static void bf16(
            MemorySegment w,
            long start,
            long apart,
            int words,
            float[] x,
            float[] y,
            float[] z,
            float[] u,
            float[] sums) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var c = a;
        var d = a;
        var e = a;
        var f = a;
        var g = a;
        var h = a;
        var at = start;
        for (var j = 0; j < words; j++) {
            var pairs = IntVector.fromMemorySegment(INTS, w, at, LITTLE);
            var others = IntVector.fromMemorySegment(INTS, w, at + apart, LITTLE);
            var weight = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            var other = others.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            a = weight.fma(FloatVector.broadcast(FLOATS, x[2 * j]), a);
            e = other.fma(FloatVector.broadcast(FLOATS, x[2 * j]), e);
            b = weight.fma(FloatVector.broadcast(FLOATS, y[2 * j]), b);
            f = other.fma(FloatVector.broadcast(FLOATS, y[2 * j]), f);
            c = weight.fma(FloatVector.broadcast(FLOATS, z[2 * j]), c);
            g = other.fma(FloatVector.broadcast(FLOATS, z[2 * j]), g);
            d = weight.fma(FloatVector.broadcast(FLOATS, u[2 * j]), d);
            h = other.fma(FloatVector.broadcast(FLOATS, u[2 * j]), h);
            weight = pairs.and(UPPER).reinterpretAsFloats();
            other = others.and(UPPER).reinterpretAsFloats();
            a = weight.fma(FloatVector.broadcast(FLOATS, x[2 * j + 1]), a);
            e = other.fma(FloatVector.broadcast(FLOATS, x[2 * j + 1]), e);
            b = weight.fma(FloatVector.broadcast(FLOATS, y[2 * j + 1]), b);
            f = other.fma(FloatVector.broadcast(FLOATS, y[2 * j + 1]), f);
            c = weight.fma(FloatVector.broadcast(FLOATS, z[2 * j + 1]), c);
            g = other.fma(FloatVector.broadcast(FLOATS, z[2 * j + 1]), g);
            d = weight.fma(FloatVector.broadcast(FLOATS, u[2 * j + 1]), d);
            h = other.fma(FloatVector.broadcast(FLOATS, u[2 * j + 1]), h);
            at += BYTES;
        }
        a.intoArray(sums, 0);
        b.intoArray(sums, WIDTH);
        c.intoArray(sums, 2 * WIDTH);
        d.intoArray(sums, 3 * WIDTH);
        e.intoArray(sums, 4 * WIDTH);
        f.intoArray(sums, 5 * WIDTH);
        g.intoArray(sums, 6 * WIDTH);
        h.intoArray(sums, 7 * WIDTH);
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

    /// One panel with four rows.
    ///
    /// @param to where the sums go
    static void f16(
            MemorySegment w, long start, int words, float[] x, float[] y, float[] z, float[] u, float[] sums, int to) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        var c = a;
        var d = a;
        var e = a;
        var f = a;
        var g = a;
        var h = a;
        for (var j = 0; j < words; j++) {
            var pairs = IntVector.fromMemorySegment(INTS, w, start + j * BYTES, LITTLE);
            var even = half(pairs, 0);
            a = even.fma(FloatVector.broadcast(FLOATS, x[2 * j]), a);
            b = even.fma(FloatVector.broadcast(FLOATS, y[2 * j]), b);
            c = even.fma(FloatVector.broadcast(FLOATS, z[2 * j]), c);
            d = even.fma(FloatVector.broadcast(FLOATS, u[2 * j]), d);
            var odd = half(pairs, 16);
            e = odd.fma(FloatVector.broadcast(FLOATS, x[2 * j + 1]), e);
            f = odd.fma(FloatVector.broadcast(FLOATS, y[2 * j + 1]), f);
            g = odd.fma(FloatVector.broadcast(FLOATS, z[2 * j + 1]), g);
            h = odd.fma(FloatVector.broadcast(FLOATS, u[2 * j + 1]), h);
        }
        a.add(e).intoArray(sums, to);
        b.add(f).intoArray(sums, to + WIDTH);
        c.add(g).intoArray(sums, to + 2 * WIDTH);
        d.add(h).intoArray(sums, to + 3 * WIDTH);
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
