package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.NormalFloat4;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Sums of panels whose weights are one of 16 levels: half a byte says which. A vector of 16 floats holds
/// all of them, narrower ones share them.
final class LevelPanels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final int LEVELS = 16;
    /// Words of a block's weights, and weights in each of them; constants, so that loops are unrolled.
    private static final int WORDS = 8;

    private static final int IN_WORD = 8;
    private static final int BITS = 4;
    /// The levels' bits, in as many vectors as they need; beyond these again from the first one.
    private static final IntVector TABLE = levels(0);

    private static final IntVector SECOND = levels(1);
    private static final IntVector THIRD = levels(2);
    private static final IntVector FOURTH = levels(3);

    private LevelPanels() {}

    private static IntVector levels(int part) {
        var bits = new int[WIDTH];
        for (var i = 0; i < WIDTH; i++) {
            bits[i] = Float.floatToRawIntBits(NormalFloat4.level((part * WIDTH + i) % LEVELS));
        }
        return IntVector.fromArray(INTS, bits, 0);
    }

    /// The level that the low bits of each lane say.
    private static FloatVector level(IntVector codes) {
        if (WIDTH >= LEVELS) {
            return codes.and(LEVELS - 1).selectFrom(TABLE).reinterpretAsFloats();
        }
        var place = codes.and(WIDTH - 1);
        var low = place.selectFrom(TABLE)
                .blend(place.selectFrom(SECOND), codes.and(WIDTH).compare(VectorOperators.NE, 0));
        if (2 * WIDTH >= LEVELS) {
            return low.reinterpretAsFloats();
        }
        var high = place.selectFrom(THIRD)
                .blend(place.selectFrom(FOURTH), codes.and(WIDTH).compare(VectorOperators.NE, 0));
        return low.blend(high, codes.and(2 * WIDTH).compare(VectorOperators.NE, 0))
                .reinterpretAsFloats();
    }

    /// Two panels, `apart` bytes from one another, with one row.
    static void sum(Panels w, long start, long apart, RowInput input, float[] scratch) {
        var memory = w.data();
        var x = input.values();
        var blocks = w.blocks();
        var at = start;
        var j = 0;
        var seen = 0;
        for (var block = 0; block < blocks; block++) {
            var a = FloatVector.zero(FLOATS);
            var b = a;
            for (var k = 0; k < WORDS; k++, at += BYTES) {
                if (Panels.LOOKS_AHEAD) {
                    seen ^= memory.get(HostTensor.INT, at + Panels.AHEAD)
                            ^ memory.get(HostTensor.INT, at + apart + Panels.AHEAD);
                }
                var aWords = IntVector.fromMemorySegment(INTS, memory, at, LITTLE);
                var bWords = IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE);
                for (var i = 0; i < IN_WORD; i++, j++) {
                    var value = FloatVector.broadcast(FLOATS, x[j]);
                    a = level(aWords.lanewise(VectorOperators.LSHR, i * BITS)).fma(value, a);
                    b = level(bWords.lanewise(VectorOperators.LSHR, i * BITS)).fma(value, b);
                }
            }
            var scale = BlockScales.FIRST + block * BlockScales.PER_BLOCK;
            a.fma(FloatVector.fromArray(FLOATS, scratch, scale), FloatVector.fromArray(FLOATS, scratch, 0))
                    .intoArray(scratch, 0);
            b.fma(
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
        var p = x.values();
        var q = y.values();
        var r = z.values();
        var s = u.values();
        for (var block = 0; block < blocks; block++) {
            var a = FloatVector.zero(FLOATS);
            var b = a;
            var c = a;
            var d = a;
            var e = a;
            var f = a;
            var g = a;
            var h = a;
            for (var k = 0; k < WORDS; k++, at += BYTES) {
                var words = IntVector.fromMemorySegment(INTS, memory, at, LITTLE);
                var others = IntVector.fromMemorySegment(INTS, memory, at + apart, LITTLE);
                for (var i = 0; i < IN_WORD; i++, j++) {
                    var weight = level(words.lanewise(VectorOperators.LSHR, i * BITS));
                    var other = level(others.lanewise(VectorOperators.LSHR, i * BITS));
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
                }
            }
            var scale = BlockScales.FIRST + block * BlockScales.PER_BLOCK;
            var factor = FloatVector.fromArray(FLOATS, scratch, scale);
            a.fma(factor, FloatVector.fromArray(FLOATS, scratch, 0)).intoArray(scratch, 0);
            b.fma(factor, FloatVector.fromArray(FLOATS, scratch, WIDTH)).intoArray(scratch, WIDTH);
            c.fma(factor, FloatVector.fromArray(FLOATS, scratch, 2 * WIDTH)).intoArray(scratch, 2 * WIDTH);
            d.fma(factor, FloatVector.fromArray(FLOATS, scratch, 3 * WIDTH)).intoArray(scratch, 3 * WIDTH);
            factor = FloatVector.fromArray(FLOATS, scratch, scale + BlockScales.PER_PANEL);
            e.fma(factor, FloatVector.fromArray(FLOATS, scratch, 4 * WIDTH)).intoArray(scratch, 4 * WIDTH);
            f.fma(factor, FloatVector.fromArray(FLOATS, scratch, 5 * WIDTH)).intoArray(scratch, 5 * WIDTH);
            g.fma(factor, FloatVector.fromArray(FLOATS, scratch, 6 * WIDTH)).intoArray(scratch, 6 * WIDTH);
            h.fma(factor, FloatVector.fromArray(FLOATS, scratch, 7 * WIDTH)).intoArray(scratch, 7 * WIDTH);
        }
    }
}
