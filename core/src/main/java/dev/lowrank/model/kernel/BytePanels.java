package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Sums of panels with a byte a weight. A mask takes four weights out of a word where they stand; the
/// activations that meet them are shifted down accordingly ([InputForm]). A block's sum is then scaled, and
/// what its weights are offset by meets the sum of its activations.
///
/// Scales come first: [BlockScales] writes them to the scratch. Two panels run at a time, and a word far
/// ahead of each is looked at where that helps, so that memory works while the sums do; some processors
/// alone fetch too little ahead of work as dense as this. The methods are written out without helpers
/// because the compiler gives up inlining in methods with many vector operations.
final class BytePanels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    /// Words of a block's weights; a constant, so that the loop over them is unrolled.
    private static final int WORDS = 8;

    private BytePanels() {}

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
            for (var k = 0; k < WORDS; k++, j += 4) {
                var at = data + k * BYTES;
                if (Panels.LOOKS_AHEAD) {
                    seen ^= memory.get(HostTensor.INT, at + Panels.AHEAD)
                            ^ memory.get(HostTensor.INT, at + apart + Panels.AHEAD);
                }
                var x0 = FloatVector.broadcast(FLOATS, x[j]);
                var x1 = FloatVector.broadcast(FLOATS, x[j + 1]);
                var x2 = FloatVector.broadcast(FLOATS, x[j + 2]);
                var x3 = FloatVector.broadcast(FLOATS, x[j + 3]);
                var aWords = IntVector.fromMemorySegment(INTS, memory, at, LITTLE);
                a = ((FloatVector) aWords.and(0xFF).convert(VectorOperators.I2F, 0)).fma(x0, a);
                a = ((FloatVector) aWords.and(0xFF00).convert(VectorOperators.I2F, 0)).fma(x1, a);
                a = ((FloatVector) aWords.and(0xFF0000).convert(VectorOperators.I2F, 0)).fma(x2, a);
                a = ((FloatVector) aWords.lanewise(VectorOperators.LSHR, 24).convert(VectorOperators.I2F, 0))
                        .fma(x3, a);
                var bWords = IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE);
                b = ((FloatVector) bWords.and(0xFF).convert(VectorOperators.I2F, 0)).fma(x0, b);
                b = ((FloatVector) bWords.and(0xFF00).convert(VectorOperators.I2F, 0)).fma(x1, b);
                b = ((FloatVector) bWords.and(0xFF0000).convert(VectorOperators.I2F, 0)).fma(x2, b);
                b = ((FloatVector) bWords.lanewise(VectorOperators.LSHR, 24).convert(VectorOperators.I2F, 0))
                        .fma(x3, b);
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
            for (var k = 0; k < WORDS; k++, j += 4) {
                var at = data + k * BYTES;
                var words = IntVector.fromMemorySegment(INTS, memory, at, LITTLE);
                var others = IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE);
                var weight = (FloatVector) words.and(0xFF).convert(VectorOperators.I2F, 0);
                var other = (FloatVector) others.and(0xFF).convert(VectorOperators.I2F, 0);
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
                weight = (FloatVector) words.and(0xFF00).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(0xFF00).convert(VectorOperators.I2F, 0);
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
                weight = (FloatVector) words.and(0xFF0000).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.and(0xFF0000).convert(VectorOperators.I2F, 0);
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
                weight = (FloatVector) words.lanewise(VectorOperators.LSHR, 24).convert(VectorOperators.I2F, 0);
                other = (FloatVector) others.lanewise(VectorOperators.LSHR, 24).convert(VectorOperators.I2F, 0);
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
