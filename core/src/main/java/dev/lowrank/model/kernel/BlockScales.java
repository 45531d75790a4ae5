package dev.lowrank.model.kernel;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Writes the scales and offsets of a panel's blocks as floats behind the sums in the scratch: per block
/// a vector of factors and, where the form has them, one of offsets: a weight is `factor q + offset` for
/// its unsigned `q`, or `factor (q − bias)`. Words are read and made floats without helpers: one that was
/// compiled on its own first is not inlined, and each vector that it returns is then an object.
final class BlockScales {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.length();
    private static final long BYTES = WIDTH * 4L;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    /// Floats between the factors of one panel and of the next, and of one block and the next: room for the
    /// offsets, and for two panels.
    static final int PER_PANEL = 2 * WIDTH;

    static final int PER_BLOCK = 2 * PER_PANEL;
    /// Keeps looks ahead from being dropped as unused; sums of up to two panels with four rows are before it.
    static final int SEEN = 2 * Kernels.ROWS * WIDTH;
    /// The place in the scratch of the first panel's factors for the first block; offsets are a vector behind
    /// them.
    static final int FIRST = SEEN + 1;
    private static final int HALF = 16;
    private static final int MAGNITUDE = 0x7FFF;
    private static final int SIGN = 0x8000;
    /// What an F16's exponent lacks to be one of an F32, at its place.
    private static final int EXPONENT_GAP = 112 << 23;
    /// The smallest normal F16. A smaller number is one with its exponent, less it.
    private static final float SMALLEST = 0x1p-14f;

    private BlockScales() {}

    /// @param at first byte of the panel
    /// @param panel 0 or 1
    static void expand(Panels w, long at, float[] scratch, int panel) {
        var to = FIRST + panel * PER_PANEL;
        switch (w.form()) {
            case Q8_0, Q4_0, NF4 -> single(w, at, scratch, to);
            case Q4_1 -> withOffset(w, at, scratch, to);
            case Q4_K -> sixBits(w, at, scratch, to);
            case Q6_K -> multiplied(w, at, scratch, to);
            case F32, BF16, F16 -> {}
        }
    }

    private static void single(Panels w, long start, float[] scratch, int to) {
        var target = to;
        for (var block = 0; block < w.blocks(); block++, target += PER_BLOCK) {
            half(IntVector.fromMemorySegment(INTS, w.data(), start + (block >> 1) * BYTES, LITTLE), (block & 1) * HALF)
                    .intoArray(scratch, target);
        }
    }

    private static void withOffset(Panels w, long start, float[] scratch, int to) {
        var target = to;
        for (var block = 0; block < w.blocks(); block++, target += PER_BLOCK) {
            var both = IntVector.fromMemorySegment(INTS, w.data(), start + block * BYTES, LITTLE);
            half(both, 0).intoArray(scratch, target);
            half(both, HALF).intoArray(scratch, target + WIDTH);
        }
    }

    private static void sixBits(Panels w, long start, float[] scratch, int to) {
        var target = to;
        for (var group = 0; group < w.columns() / PanelForm.SUPER; group++) {
            var at = start + group * 5L * BYTES;
            var both = IntVector.fromMemorySegment(INTS, w.data(), at, LITTLE);
            var scale = half(both, 0);
            var offset = half(both, HALF).neg();
            for (var k = 0; k < 8; k++, target += PER_BLOCK) {
                var factors = IntVector.fromMemorySegment(INTS, w.data(), at + (1 + (k >> 1)) * BYTES, LITTLE)
                        .lanewise(VectorOperators.LSHR, (k & 1) * HALF);
                scale.mul((FloatVector) factors.and(0xFF).convert(VectorOperators.I2F, 0))
                        .intoArray(scratch, target);
                offset.mul((FloatVector) factors.lanewise(VectorOperators.LSHR, 8)
                                .and(0xFF)
                                .convert(VectorOperators.I2F, 0))
                        .intoArray(scratch, target + WIDTH);
            }
        }
    }

    private static void multiplied(Panels w, long start, float[] scratch, int to) {
        var target = to;
        var multipliers = start + PanelForm.superWords(w.columns()) * BYTES;
        for (var group = 0; group < w.columns() / PanelForm.SUPER; group++) {
            var scale = half(
                    IntVector.fromMemorySegment(INTS, w.data(), start + (group >> 1) * BYTES, LITTLE),
                    (group & 1) * HALF);
            for (var k = 0; k < 16; k++, target += PER_BLOCK) {
                var signed = IntVector.fromMemorySegment(
                                INTS, w.data(), multipliers + (group * 4 + (k >> 2)) * BYTES, LITTLE)
                        .lanewise(VectorOperators.LSHL, 24 - (k & 3) * 8)
                        .lanewise(VectorOperators.ASHR, 24);
                scale.mul((FloatVector) signed.convert(VectorOperators.I2F, 0)).intoArray(scratch, target);
            }
        }
    }

    /// The half-precision number in 16 bits from `shift` on, exactly; finite. No intermediate is
    /// subnormal, which processors are slow with.
    static FloatVector half(IntVector words, int shift) {
        var bits = words.lanewise(VectorOperators.LSHR, shift);
        var magnitude = bits.and(MAGNITUDE).lanewise(VectorOperators.LSHL, 13);
        var small = magnitude
                .add(Float.floatToRawIntBits(SMALLEST))
                .reinterpretAsFloats()
                .sub(SMALLEST);
        return magnitude
                .add(EXPONENT_GAP)
                .blend(small.reinterpretAsInts(), magnitude.lt(1 << 23))
                .or(bits.and(SIGN).lanewise(VectorOperators.LSHL, 16))
                .reinterpretAsFloats();
    }
}
