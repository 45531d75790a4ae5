package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Sums of panels with six bits a weight, as [BytePanels] does them: five weights are taken out of a word
/// where they stand, and three words' upper bits together are the sixteenth. These are read again after the
/// loop over the words: code that carried vectors of integers through it ran many times slower.
final class SixBitPanels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    /// Words of a block's weights, and weights in each of them; constants, so that loops are unrolled.
    private static final int WORDS = 3;

    private static final int IN_WORD = 5;
    /// Where the five are.
    private static final int FIRST = 0x3F;

    private static final int SECOND = FIRST << 6;
    private static final int THIRD = FIRST << 12;
    private static final int FOURTH = FIRST << 18;
    private static final int FIFTH = FIRST << 24;
    /// How far down the sixteenth's parts move, and where the second and third then are.
    private static final int LOWEST = 30;

    private static final int MIDDLE = 28;
    private static final int MIDDLE_PART = 3 << 2;
    private static final int HIGHEST = 26;
    private static final int HIGHEST_PART = 3 << 4;

    private SixBitPanels() {}

    /// Two panels, `apart` bytes from one another, with one row.
    static void sum(Panels w, long start, long apart, RowInput input, float[] scratch) {
        var memory = w.data();
        var x = input.meeting(w.form());
        var sums = input.sums(w.form());
        var blocks = w.blocks();
        var at = start;
        var j = 0;
        var seen = 0;
        for (var block = 0; block < blocks; block++, j++) {
            var a = FloatVector.zero(FLOATS);
            var b = a;
            for (var k = 0; k < WORDS; k++, j += IN_WORD, at += BYTES) {
                if (Panels.LOOKS_AHEAD) {
                    seen ^= memory.get(HostTensor.INT, at + Panels.AHEAD)
                            ^ memory.get(HostTensor.INT, at + apart + Panels.AHEAD);
                }
                var x0 = FloatVector.broadcast(FLOATS, x[j]);
                var x1 = FloatVector.broadcast(FLOATS, x[j + 1]);
                var x2 = FloatVector.broadcast(FLOATS, x[j + 2]);
                var x3 = FloatVector.broadcast(FLOATS, x[j + 3]);
                var x4 = FloatVector.broadcast(FLOATS, x[j + 4]);
                var aWords = IntVector.fromMemorySegment(INTS, memory, at, LITTLE);
                a = ((FloatVector) aWords.and(FIRST).convert(VectorOperators.I2F, 0)).fma(x0, a);
                a = ((FloatVector) aWords.and(SECOND).convert(VectorOperators.I2F, 0)).fma(x1, a);
                a = ((FloatVector) aWords.and(THIRD).convert(VectorOperators.I2F, 0)).fma(x2, a);
                a = ((FloatVector) aWords.and(FOURTH).convert(VectorOperators.I2F, 0)).fma(x3, a);
                a = ((FloatVector) aWords.and(FIFTH).convert(VectorOperators.I2F, 0)).fma(x4, a);
                var bWords = IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE);
                b = ((FloatVector) bWords.and(FIRST).convert(VectorOperators.I2F, 0)).fma(x0, b);
                b = ((FloatVector) bWords.and(SECOND).convert(VectorOperators.I2F, 0)).fma(x1, b);
                b = ((FloatVector) bWords.and(THIRD).convert(VectorOperators.I2F, 0)).fma(x2, b);
                b = ((FloatVector) bWords.and(FOURTH).convert(VectorOperators.I2F, 0)).fma(x3, b);
                b = ((FloatVector) bWords.and(FIFTH).convert(VectorOperators.I2F, 0)).fma(x4, b);
            }
            var aLast = IntVector.fromMemorySegment(INTS, memory, at - WORDS * BYTES, LITTLE)
                    .lanewise(VectorOperators.LSHR, LOWEST)
                    .or(IntVector.fromMemorySegment(INTS, memory, at - 2 * BYTES, LITTLE)
                            .lanewise(VectorOperators.LSHR, MIDDLE)
                            .and(MIDDLE_PART))
                    .or(IntVector.fromMemorySegment(INTS, memory, at - BYTES, LITTLE)
                            .lanewise(VectorOperators.LSHR, HIGHEST)
                            .and(HIGHEST_PART));
            var bLast = IntVector.fromMemorySegment(INTS, memory, at - WORDS * BYTES + apart, LITTLE)
                    .lanewise(VectorOperators.LSHR, LOWEST)
                    .or(IntVector.fromMemorySegment(INTS, memory, at - 2 * BYTES + apart, LITTLE)
                            .lanewise(VectorOperators.LSHR, MIDDLE)
                            .and(MIDDLE_PART))
                    .or(IntVector.fromMemorySegment(INTS, memory, at - BYTES + apart, LITTLE)
                            .lanewise(VectorOperators.LSHR, HIGHEST)
                            .and(HIGHEST_PART));
            var last = FloatVector.broadcast(FLOATS, x[j]);
            a = ((FloatVector) aLast.convert(VectorOperators.I2F, 0)).fma(last, a);
            b = ((FloatVector) bLast.convert(VectorOperators.I2F, 0)).fma(last, b);
            var scale = BlockScales.FIRST + block * BlockScales.PER_BLOCK;
            var sum = FloatVector.broadcast(FLOATS, sums[block]);
            a.add(sum)
                    .fma(FloatVector.fromArray(FLOATS, scratch, scale), FloatVector.fromArray(FLOATS, scratch, 0))
                    .intoArray(scratch, 0);
            b.add(sum)
                    .fma(
                            FloatVector.fromArray(FLOATS, scratch, scale + BlockScales.PER_PANEL),
                            FloatVector.fromArray(FLOATS, scratch, WIDTH))
                    .intoArray(scratch, WIDTH);
        }
        scratch[BlockScales.SEEN] = seen;
    }

    /// Two panels, `apart` bytes from one another, with four rows: the sums of the first, then those of the
    /// second.
    static void sum(Panels w, long start, long apart, RowInput x, RowInput y, RowInput z, RowInput u, float[] scratch) {
        var memory = w.data();
        var blocks = w.blocks();
        var at = start;
        var j = 0;
        var p = x.meeting(w.form());
        var pSums = x.sums(w.form());
        var q = y.meeting(w.form());
        var qSums = y.sums(w.form());
        var r = z.meeting(w.form());
        var rSums = z.sums(w.form());
        var s = u.meeting(w.form());
        var sSums = u.sums(w.form());
        for (var block = 0; block < blocks; block++, j++) {
            var a = FloatVector.zero(FLOATS);
            var b = a;
            var c = a;
            var d = a;
            var e = a;
            var f = a;
            var g = a;
            var h = a;
            for (var k = 0; k < WORDS; k++, j += IN_WORD, at += BYTES) {
                var words = IntVector.fromMemorySegment(INTS, memory, at, LITTLE);
                var others = IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE);
                var weight = (FloatVector) words.and(FIRST).convert(VectorOperators.I2F, 0);
                var other = (FloatVector) others.and(FIRST).convert(VectorOperators.I2F, 0);
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
                weight = (FloatVector) words.and(SECOND).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(SECOND).convert(VectorOperators.I2F, 0);
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
                weight = (FloatVector) words.and(THIRD).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(THIRD).convert(VectorOperators.I2F, 0);
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
                weight = (FloatVector) words.and(FOURTH).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(FOURTH).convert(VectorOperators.I2F, 0);
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
                weight = (FloatVector) words.and(FIFTH).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(FIFTH).convert(VectorOperators.I2F, 0);
                value = FloatVector.broadcast(FLOATS, p[j + 4]);
                a = weight.fma(value, a);
                e = other.fma(value, e);
                value = FloatVector.broadcast(FLOATS, q[j + 4]);
                b = weight.fma(value, b);
                f = other.fma(value, f);
                value = FloatVector.broadcast(FLOATS, r[j + 4]);
                c = weight.fma(value, c);
                g = other.fma(value, g);
                value = FloatVector.broadcast(FLOATS, s[j + 4]);
                d = weight.fma(value, d);
                h = other.fma(value, h);
            }
            var parts = IntVector.fromMemorySegment(INTS, memory, at - WORDS * BYTES, LITTLE)
                    .lanewise(VectorOperators.LSHR, LOWEST)
                    .or(IntVector.fromMemorySegment(INTS, memory, at - 2 * BYTES, LITTLE)
                            .lanewise(VectorOperators.LSHR, MIDDLE)
                            .and(MIDDLE_PART))
                    .or(IntVector.fromMemorySegment(INTS, memory, at - BYTES, LITTLE)
                            .lanewise(VectorOperators.LSHR, HIGHEST)
                            .and(HIGHEST_PART));
            var otherParts = IntVector.fromMemorySegment(INTS, memory, at - WORDS * BYTES + apart, LITTLE)
                    .lanewise(VectorOperators.LSHR, LOWEST)
                    .or(IntVector.fromMemorySegment(INTS, memory, at - 2 * BYTES + apart, LITTLE)
                            .lanewise(VectorOperators.LSHR, MIDDLE)
                            .and(MIDDLE_PART))
                    .or(IntVector.fromMemorySegment(INTS, memory, at - BYTES + apart, LITTLE)
                            .lanewise(VectorOperators.LSHR, HIGHEST)
                            .and(HIGHEST_PART));
            var last = (FloatVector) parts.convert(VectorOperators.I2F, 0);
            var otherLast = (FloatVector) otherParts.convert(VectorOperators.I2F, 0);
            var value = FloatVector.broadcast(FLOATS, p[j]);
            a = last.fma(value, a);
            e = otherLast.fma(value, e);
            value = FloatVector.broadcast(FLOATS, q[j]);
            b = last.fma(value, b);
            f = otherLast.fma(value, f);
            value = FloatVector.broadcast(FLOATS, r[j]);
            c = last.fma(value, c);
            g = otherLast.fma(value, g);
            value = FloatVector.broadcast(FLOATS, s[j]);
            d = last.fma(value, d);
            h = otherLast.fma(value, h);
            var scale = BlockScales.FIRST + block * BlockScales.PER_BLOCK;
            var factor = FloatVector.fromArray(FLOATS, scratch, scale);
            a.add(FloatVector.broadcast(FLOATS, pSums[block]))
                    .fma(factor, FloatVector.fromArray(FLOATS, scratch, 0))
                    .intoArray(scratch, 0);
            b.add(FloatVector.broadcast(FLOATS, qSums[block]))
                    .fma(factor, FloatVector.fromArray(FLOATS, scratch, WIDTH))
                    .intoArray(scratch, WIDTH);
            c.add(FloatVector.broadcast(FLOATS, rSums[block]))
                    .fma(factor, FloatVector.fromArray(FLOATS, scratch, 2 * WIDTH))
                    .intoArray(scratch, 2 * WIDTH);
            d.add(FloatVector.broadcast(FLOATS, sSums[block]))
                    .fma(factor, FloatVector.fromArray(FLOATS, scratch, 3 * WIDTH))
                    .intoArray(scratch, 3 * WIDTH);
            factor = FloatVector.fromArray(FLOATS, scratch, scale + BlockScales.PER_PANEL);
            e.add(FloatVector.broadcast(FLOATS, pSums[block]))
                    .fma(factor, FloatVector.fromArray(FLOATS, scratch, 4 * WIDTH))
                    .intoArray(scratch, 4 * WIDTH);
            f.add(FloatVector.broadcast(FLOATS, qSums[block]))
                    .fma(factor, FloatVector.fromArray(FLOATS, scratch, 5 * WIDTH))
                    .intoArray(scratch, 5 * WIDTH);
            g.add(FloatVector.broadcast(FLOATS, rSums[block]))
                    .fma(factor, FloatVector.fromArray(FLOATS, scratch, 6 * WIDTH))
                    .intoArray(scratch, 6 * WIDTH);
            h.add(FloatVector.broadcast(FLOATS, sSums[block]))
                    .fma(factor, FloatVector.fromArray(FLOATS, scratch, 7 * WIDTH))
                    .intoArray(scratch, 7 * WIDTH);
        }
    }
}
