package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Sums of panels with half a byte a weight, as [BytePanels] does them.
final class NibblePanels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    /// Words of a block's weights, and how often four of these are taken out; constants, so that the loop is
    /// unrolled.
    private static final int WORDS = 4;

    private static final int QUADS = 8;

    private NibblePanels() {}

    /// Two panels, `apart` bytes from one another, with one row.
    static void sum(Panels w, long start, long apart, RowInput input, float[] scratch) {
        var memory = w.data();
        var x = input.meeting(w.form());
        var sums = input.sums(w.form());
        var offsets = w.form().hasOffsets() ? WIDTH : 0;
        var blocks = w.blocks();
        var data = start;
        var j = 0;
        var seen = 0;
        for (var block = 0; block < blocks; block++) {
            var a = FloatVector.zero(FLOATS);
            var b = a;
            for (var k = 0; k < QUADS; k++, j += 4) {
                var at = data + (k >> 1) * BYTES;
                var half = (k & 1) * 16;
                if (Panels.LOOKS_AHEAD) {
                    seen ^= memory.get(HostTensor.INT, at + Panels.AHEAD)
                            ^ memory.get(HostTensor.INT, at + apart + Panels.AHEAD);
                }
                var x0 = FloatVector.broadcast(FLOATS, x[j]);
                var x1 = FloatVector.broadcast(FLOATS, x[j + 1]);
                var x2 = FloatVector.broadcast(FLOATS, x[j + 2]);
                var x3 = FloatVector.broadcast(FLOATS, x[j + 3]);
                var aWords =
                        IntVector.fromMemorySegment(INTS, memory, at, LITTLE).lanewise(VectorOperators.LSHR, half);
                a = ((FloatVector) aWords.and(0xF).convert(VectorOperators.I2F, 0)).fma(x0, a);
                a = ((FloatVector) aWords.and(0xF0).convert(VectorOperators.I2F, 0)).fma(x1, a);
                a = ((FloatVector) aWords.and(0xF00).convert(VectorOperators.I2F, 0)).fma(x2, a);
                a = ((FloatVector) aWords.and(0xF000).convert(VectorOperators.I2F, 0)).fma(x3, a);
                var bWords = IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE)
                        .lanewise(VectorOperators.LSHR, half);
                b = ((FloatVector) bWords.and(0xF).convert(VectorOperators.I2F, 0)).fma(x0, b);
                b = ((FloatVector) bWords.and(0xF0).convert(VectorOperators.I2F, 0)).fma(x1, b);
                b = ((FloatVector) bWords.and(0xF00).convert(VectorOperators.I2F, 0)).fma(x2, b);
                b = ((FloatVector) bWords.and(0xF000).convert(VectorOperators.I2F, 0)).fma(x3, b);
            }
            data += WORDS * BYTES;
            var scale = BlockScales.FIRST + block * BlockScales.PER_BLOCK;
            var sum = FloatVector.broadcast(FLOATS, sums[block]);
            a.fma(
                            FloatVector.fromArray(FLOATS, scratch, scale),
                            FloatVector.fromArray(FLOATS, scratch, scale + offsets)
                                    .fma(sum, FloatVector.fromArray(FLOATS, scratch, 0)))
                    .intoArray(scratch, 0);
            b.fma(
                            FloatVector.fromArray(FLOATS, scratch, scale + BlockScales.PER_PANEL),
                            FloatVector.fromArray(FLOATS, scratch, scale + BlockScales.PER_PANEL + offsets)
                                    .fma(sum, FloatVector.fromArray(FLOATS, scratch, WIDTH)))
                    .intoArray(scratch, WIDTH);
        }
        scratch[BlockScales.SEEN] = seen;
    }

    /// Two panels, `apart` bytes from one another, with four rows: the sums of the first, then those of the
    /// second.
    static void sum(Panels w, long start, long apart, RowInput x, RowInput y, RowInput z, RowInput u, float[] scratch) {
        var memory = w.data();
        var offsets = w.form().hasOffsets() ? WIDTH : 0;
        var blocks = w.blocks();
        var data = start;
        var j = 0;
        var p = x.meeting(w.form());
        var pSums = x.sums(w.form());
        var q = y.meeting(w.form());
        var qSums = y.sums(w.form());
        var r = z.meeting(w.form());
        var rSums = z.sums(w.form());
        var s = u.meeting(w.form());
        var sSums = u.sums(w.form());
        for (var block = 0; block < blocks; block++) {
            var a = FloatVector.zero(FLOATS);
            var b = a;
            var c = a;
            var d = a;
            var e = a;
            var f = a;
            var g = a;
            var h = a;
            for (var k = 0; k < QUADS; k++, j += 4) {
                var at = data + (k >> 1) * BYTES;
                var half = (k & 1) * 16;
                var words =
                        IntVector.fromMemorySegment(INTS, memory, at, LITTLE).lanewise(VectorOperators.LSHR, half);
                var others = IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE)
                        .lanewise(VectorOperators.LSHR, half);
                var weight = (FloatVector) words.and(0xF).convert(VectorOperators.I2F, 0);
                var other = (FloatVector) others.and(0xF).convert(VectorOperators.I2F, 0);
                var value = FloatVector.broadcast(FLOATS, p[j]);
                a = weight.fma(value, a);
                e = other.fma(value, e);
                value = FloatVector.broadcast(FLOATS, q[j]);
                b = weight.fma(value, b);
                f = other.fma(value, f);
                value = FloatVector.broadcast(FLOATS, r[j]);
                c = weight.fma(value, c);
                g = other.fma(value, g);
                value = FloatVector.broadcast(FLOATS, s[j]);
                d = weight.fma(value, d);
                h = other.fma(value, h);
                weight = (FloatVector) words.and(0xF0).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(0xF0).convert(VectorOperators.I2F, 0);
                value = FloatVector.broadcast(FLOATS, p[j + 1]);
                a = weight.fma(value, a);
                e = other.fma(value, e);
                value = FloatVector.broadcast(FLOATS, q[j + 1]);
                b = weight.fma(value, b);
                f = other.fma(value, f);
                value = FloatVector.broadcast(FLOATS, r[j + 1]);
                c = weight.fma(value, c);
                g = other.fma(value, g);
                value = FloatVector.broadcast(FLOATS, s[j + 1]);
                d = weight.fma(value, d);
                h = other.fma(value, h);
                weight = (FloatVector) words.and(0xF00).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(0xF00).convert(VectorOperators.I2F, 0);
                value = FloatVector.broadcast(FLOATS, p[j + 2]);
                a = weight.fma(value, a);
                e = other.fma(value, e);
                value = FloatVector.broadcast(FLOATS, q[j + 2]);
                b = weight.fma(value, b);
                f = other.fma(value, f);
                value = FloatVector.broadcast(FLOATS, r[j + 2]);
                c = weight.fma(value, c);
                g = other.fma(value, g);
                value = FloatVector.broadcast(FLOATS, s[j + 2]);
                d = weight.fma(value, d);
                h = other.fma(value, h);
                weight = (FloatVector) words.and(0xF000).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(0xF000).convert(VectorOperators.I2F, 0);
                value = FloatVector.broadcast(FLOATS, p[j + 3]);
                a = weight.fma(value, a);
                e = other.fma(value, e);
                value = FloatVector.broadcast(FLOATS, q[j + 3]);
                b = weight.fma(value, b);
                f = other.fma(value, f);
                value = FloatVector.broadcast(FLOATS, r[j + 3]);
                c = weight.fma(value, c);
                g = other.fma(value, g);
                value = FloatVector.broadcast(FLOATS, s[j + 3]);
                d = weight.fma(value, d);
                h = other.fma(value, h);
            }
            data += WORDS * BYTES;
            var scale = BlockScales.FIRST + block * BlockScales.PER_BLOCK;
            var factor = FloatVector.fromArray(FLOATS, scratch, scale);
            var offset = FloatVector.fromArray(FLOATS, scratch, scale + offsets);
            a.fma(
                            factor,
                            offset.fma(
                                    FloatVector.broadcast(FLOATS, pSums[block]),
                                    FloatVector.fromArray(FLOATS, scratch, 0)))
                    .intoArray(scratch, 0);
            b.fma(
                            factor,
                            offset.fma(
                                    FloatVector.broadcast(FLOATS, qSums[block]),
                                    FloatVector.fromArray(FLOATS, scratch, WIDTH)))
                    .intoArray(scratch, WIDTH);
            c.fma(
                            factor,
                            offset.fma(
                                    FloatVector.broadcast(FLOATS, rSums[block]),
                                    FloatVector.fromArray(FLOATS, scratch, 2 * WIDTH)))
                    .intoArray(scratch, 2 * WIDTH);
            d.fma(
                            factor,
                            offset.fma(
                                    FloatVector.broadcast(FLOATS, sSums[block]),
                                    FloatVector.fromArray(FLOATS, scratch, 3 * WIDTH)))
                    .intoArray(scratch, 3 * WIDTH);
            factor = FloatVector.fromArray(FLOATS, scratch, scale + BlockScales.PER_PANEL);
            offset = FloatVector.fromArray(FLOATS, scratch, scale + BlockScales.PER_PANEL + offsets);
            e.fma(
                            factor,
                            offset.fma(
                                    FloatVector.broadcast(FLOATS, pSums[block]),
                                    FloatVector.fromArray(FLOATS, scratch, 4 * WIDTH)))
                    .intoArray(scratch, 4 * WIDTH);
            f.fma(
                            factor,
                            offset.fma(
                                    FloatVector.broadcast(FLOATS, qSums[block]),
                                    FloatVector.fromArray(FLOATS, scratch, 5 * WIDTH)))
                    .intoArray(scratch, 5 * WIDTH);
            g.fma(
                            factor,
                            offset.fma(
                                    FloatVector.broadcast(FLOATS, rSums[block]),
                                    FloatVector.fromArray(FLOATS, scratch, 6 * WIDTH)))
                    .intoArray(scratch, 6 * WIDTH);
            h.fma(
                            factor,
                            offset.fma(
                                    FloatVector.broadcast(FLOATS, sSums[block]),
                                    FloatVector.fromArray(FLOATS, scratch, 7 * WIDTH)))
                    .intoArray(scratch, 7 * WIDTH);
        }
    }
}
