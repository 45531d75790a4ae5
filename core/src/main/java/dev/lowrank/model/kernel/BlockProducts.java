package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Products with rows of 32-weight blocks in native memory. A block is decoded in registers, to the very
/// floats that a decoded copy would hold, and these are summed in the order of [FloatProducts]: the result
/// has the same bits as over F32 rows.
///
/// A block is a whole number of pairs of vectors. The first of each pair goes to one accumulator, the
/// second to the other.
final class BlockProducts {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final VectorSpecies<Byte> BYTES = WIDTH == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final int BLOCK = 32;
    private static final int HALF = 16;
    /// Every half-precision number as a float: a load from here broadcasts to a vector without the work of
    /// converting, which costs more than decoding the weights.
    private static final float[] HALVES = halves();

    /// Rows are taken in turn from this many parts of the range, so that each part is fetched ahead while
    /// the others are worked on.
    private static final int STREAMS = 4;

    private BlockProducts() {}

    private static float[] halves() {
        var values = new float[1 << 16];
        for (var i = 0; i < values.length; i++) {
            values[i] = Float.float16ToFloat((short) i);
        }
        return values;
    }

    /// See [Kernels#products]; for Q4_0, Q4_1 and Q8_0.
    static void products(RowMatrix w, int first, int rows, RowVector x, float[] y, int offset, float[] lanes) {
        var start = first * w.rowBytes();
        if (WIDTH < 8) {
            for (var i = 0; i < rows; i++) {
                y[offset + i] = rowDecoded(w, first + i, x.values(), lanes);
            }
            return;
        }
        switch (w.dtype()) {
            case Q4_0 -> q4_0(w, start, rows, x, y, offset, lanes);
            case Q4_1 -> q4_1(w, start, rows, x, y, offset, lanes);
            case Q8_0 -> q8_0(w, start, rows, x, y, offset, lanes);
            default -> throw new IllegalStateException("No product with " + w.dtype());
        }
    }

    /// Vectors of four floats are too short for the widening of bytes to be one instruction everywhere, and
    /// without that it is hundreds of times slower: the block is decoded by plain code first.
    private static float rowDecoded(RowMatrix w, int row, float[] x, float[] lanes) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        for (var j = 0; j < w.columns(); j += BLOCK) {
            w.copyFloats(row, j, BLOCK, lanes);
            for (var i = 0; i < BLOCK; i += 2 * WIDTH) {
                a = FloatVector.fromArray(FLOATS, lanes, i).fma(FloatVector.fromArray(FLOATS, x, j + i), a);
                b = FloatVector.fromArray(FLOATS, lanes, i + WIDTH)
                        .fma(FloatVector.fromArray(FLOATS, x, j + i + WIDTH), b);
            }
        }
        return VectorKernels.sum(a.add(b), lanes);
    }

    private static void q4_0(RowMatrix w, long start, int rows, RowVector x, float[] y, int offset, float[] lanes) {
        var apart = Math.ceilDiv(rows, STREAMS);
        for (var i = 0; i < apart; i++) {
            for (var row = i; row < rows; row += apart) {
                y[offset + row] = rowQ40(w.data(), start + row * w.rowBytes(), w.columns(), x.values(), lanes);
            }
        }
    }

    private static void q4_1(RowMatrix w, long start, int rows, RowVector x, float[] y, int offset, float[] lanes) {
        var apart = Math.ceilDiv(rows, STREAMS);
        for (var i = 0; i < apart; i++) {
            for (var row = i; row < rows; row += apart) {
                y[offset + row] = rowQ41(w.data(), start + row * w.rowBytes(), w.columns(), x.values(), lanes);
            }
        }
    }

    private static void q8_0(RowMatrix w, long start, int rows, RowVector x, float[] y, int offset, float[] lanes) {
        var apart = Math.ceilDiv(rows, STREAMS);
        for (var i = 0; i < apart; i++) {
            for (var row = i; row < rows; row += apart) {
                y[offset + row] = rowQ80(w.data(), start + row * w.rowBytes(), w.columns(), x.values(), lanes);
            }
        }
    }

    private static float rowQ40(MemorySegment w, long row, int columns, float[] x, float[] lanes) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        for (var block = 0; block < columns / BLOCK; block++) {
            var at = row + block * 18L;
            var j = block * BLOCK;
            var d = half(w, at);
            var scale = FloatVector.broadcast(FLOATS, d);
            // Eight scales are subtracted exactly: the sum below is the weight, rounded once, like its product.
            var shift = FloatVector.broadcast(FLOATS, -8 * d);
            a = nibbles(a, w, at + 2, 0, scale, shift, x, j);
            b = nibbles(b, w, at + 2, 1, scale, shift, x, j);
        }
        return VectorKernels.sum(a.add(b), lanes);
    }

    private static float rowQ41(MemorySegment w, long row, int columns, float[] x, float[] lanes) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        for (var block = 0; block < columns / BLOCK; block++) {
            var at = row + block * 20L;
            var j = block * BLOCK;
            var scale = FloatVector.broadcast(FLOATS, half(w, at));
            var shift = FloatVector.broadcast(FLOATS, half(w, at + 2));
            a = nibbles(a, w, at + 4, 0, scale, shift, x, j);
            b = nibbles(b, w, at + 4, 1, scale, shift, x, j);
        }
        return VectorKernels.sum(a.add(b), lanes);
    }

    private static float rowQ80(MemorySegment w, long row, int columns, float[] x, float[] lanes) {
        var a = FloatVector.zero(FLOATS);
        var b = a;
        for (var block = 0; block < columns / BLOCK; block++) {
            var at = row + block * 34L;
            var j = block * BLOCK;
            var scale = FloatVector.broadcast(FLOATS, half(w, at));
            a = bytes(a, w, at + 2, 0, scale, x, j);
            b = bytes(b, w, at + 2, 1, scale, x, j);
        }
        return VectorKernels.sum(a.add(b), lanes);
    }

    private static float half(MemorySegment w, long at) {
        return HALVES[w.get(HostTensor.SHORT, at) & 0xFFFF];
    }

    /// Adds to `sum` the vectors `first`, `first + 2`, .. of a block of halves of bytes.
    private static FloatVector nibbles(
            FloatVector sum,
            MemorySegment w,
            long at,
            int first,
            FloatVector scale,
            FloatVector shift,
            float[] x,
            int j) {
        if (WIDTH == 16) {
            var bytes = unsigned(w, at, 0);
            var q = first == 0 ? bytes.and(0xF) : bytes.lanewise(VectorOperators.LSHR, 4);
            return weight(q, scale, shift).fma(FloatVector.fromArray(FLOATS, x, j + first * HALF), sum);
        }
        var result = sum;
        for (var v = first; v < HALF / WIDTH; v += 2) {
            var q = unsigned(w, at, v).and(0xF);
            result = weight(q, scale, shift).fma(FloatVector.fromArray(FLOATS, x, j + v * WIDTH), result);
        }
        for (var v = first; v < HALF / WIDTH; v += 2) {
            var q = unsigned(w, at, v).lanewise(VectorOperators.LSHR, 4);
            result = weight(q, scale, shift).fma(FloatVector.fromArray(FLOATS, x, j + HALF + v * WIDTH), result);
        }
        return result;
    }

    private static FloatVector weight(IntVector q, FloatVector scale, FloatVector shift) {
        return floats(q).fma(scale, shift);
    }

    /// Adds to `sum` the vectors `first`, `first + 2`, .. of a block of signed bytes.
    private static FloatVector bytes(
            FloatVector sum, MemorySegment w, long at, int first, FloatVector scale, float[] x, int j) {
        var result = sum;
        for (var v = first; v < BLOCK / WIDTH; v += 2) {
            var weight = floats(signed(w, at, v)).mul(scale);
            result = weight.fma(FloatVector.fromArray(FLOATS, x, j + v * WIDTH), result);
        }
        return result;
    }

    private static FloatVector floats(IntVector q) {
        return (FloatVector) q.convert(VectorOperators.I2F, 0);
    }

    /// Vector `v` of the bytes from `at`.
    private static IntVector unsigned(MemorySegment w, long at, int v) {
        return (IntVector) load(w, at, v).convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
    }

    private static IntVector signed(MemorySegment w, long at, int v) {
        return (IntVector) load(w, at, v).convertShape(VectorOperators.B2I, INTS, 0);
    }

    private static ByteVector load(MemorySegment w, long at, int v) {
        return ByteVector.fromMemorySegment(BYTES, w, at + (long) v * WIDTH, LITTLE);
    }
}
