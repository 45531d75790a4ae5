package dev.lowrank.model.kernel;

import dev.lowrank.tensor.NormalFloat4;

/// Takes weights, scales and offsets out of the words of a panel, without vectors: floats as the vector
/// kernels make them, bit for bit. Words lie in the scratch as floats of the same bits.
final class ScalarWeights {
    private static final int HALF = 16;
    /// What an F16's exponent lacks to be one of an F32, at its place.
    private static final int EXPONENT_GAP = 112 << 23;
    /// The smallest normal F16.
    private static final float SMALLEST = 0x1p-14f;

    private ScalarWeights() {}

    /// Unpacks words of weights; those of blocks stay shifted up, see [InputForm].
    ///
    /// @param words where `count` words of each lane begin
    /// @param to where the weights go, those of a column side by side
    static void unpack(PanelForm form, float[] scratch, int words, int count, int lanes, int to) {
        switch (form) {
            case F32 -> System.arraycopy(scratch, words, scratch, to, count * lanes);
            case BF16 -> upperHalves(scratch, words, count, lanes, to);
            case F16 -> halves(scratch, words, count, lanes, to);
            case Q8_0 -> bytes(scratch, words, count, lanes, to);
            case Q4_0, Q4_1, Q4_K -> nibbles(scratch, words, count, lanes, to);
            case Q6_K -> sixteens(scratch, words, count, lanes, to);
            case NF4 -> levels(scratch, words, count, lanes, to);
        }
    }

    private static void upperHalves(float[] scratch, int words, int count, int lanes, int to) {
        for (var k = 0; k < count; k++) {
            var even = to + 2 * k * lanes;
            for (var lane = 0; lane < lanes; lane++) {
                var pair = word(scratch, words + k * lanes + lane);
                scratch[even + lane] = Float.intBitsToFloat(pair << HALF);
                scratch[even + lanes + lane] = Float.intBitsToFloat(pair & 0xFFFF0000);
            }
        }
    }

    private static void halves(float[] scratch, int words, int count, int lanes, int to) {
        for (var k = 0; k < count; k++) {
            var even = to + 2 * k * lanes;
            for (var lane = 0; lane < lanes; lane++) {
                var pair = word(scratch, words + k * lanes + lane);
                scratch[even + lane] = half(pair);
                scratch[even + lanes + lane] = half(pair >>> HALF);
            }
        }
    }

    private static void bytes(float[] scratch, int words, int count, int lanes, int to) {
        for (var k = 0; k < count; k++) {
            var first = to + 4 * k * lanes;
            for (var lane = 0; lane < lanes; lane++) {
                var word = word(scratch, words + k * lanes + lane);
                scratch[first + lane] = word & 0xFF;
                scratch[first + lanes + lane] = word & 0xFF00;
                scratch[first + 2 * lanes + lane] = word & 0xFF0000;
                scratch[first + 3 * lanes + lane] = word >>> 24;
            }
        }
    }

    private static void nibbles(float[] scratch, int words, int count, int lanes, int to) {
        for (var k = 0; k < 2 * count; k++) {
            var first = to + 4 * k * lanes;
            for (var lane = 0; lane < lanes; lane++) {
                var word = word(scratch, words + (k >> 1) * lanes + lane) >>> (k & 1) * HALF;
                scratch[first + lane] = word & 0xF;
                scratch[first + lanes + lane] = word & 0xF0;
                scratch[first + 2 * lanes + lane] = word & 0xF00;
                scratch[first + 3 * lanes + lane] = word & 0xF000;
            }
        }
    }

    /// Three words at a time: five weights of each, then what their upper bits make.
    private static void sixteens(float[] scratch, int words, int count, int lanes, int to) {
        for (var k = 0; k < count; k += 3) {
            var first = to + k / 3 * 16 * lanes;
            for (var lane = 0; lane < lanes; lane++) {
                var last = 0;
                for (var i = 0; i < 3; i++) {
                    var word = word(scratch, words + (k + i) * lanes + lane);
                    var five = first + i * 5 * lanes + lane;
                    scratch[five] = word & 0x3F;
                    scratch[five + lanes] = word & 0x3F << 6;
                    scratch[five + 2 * lanes] = word & 0x3F << 12;
                    scratch[five + 3 * lanes] = word & 0x3F << 18;
                    scratch[five + 4 * lanes] = word & 0x3F << 24;
                    last |= word >>> 30 << 2 * i;
                }
                scratch[first + 15 * lanes + lane] = last;
            }
        }
    }

    private static void levels(float[] scratch, int words, int count, int lanes, int to) {
        for (var k = 0; k < count; k++) {
            var first = to + 8 * k * lanes;
            for (var lane = 0; lane < lanes; lane++) {
                var word = word(scratch, words + k * lanes + lane);
                for (var i = 0; i < 8; i++) {
                    scratch[first + i * lanes + lane] = NormalFloat4.level(word >>> 4 * i & 0xF);
                }
            }
        }
    }

    /// Unpacks what a block's sums are multiplied by, and behind these what its activations are: the
    /// offset, or the factor again where the form has none.
    ///
    /// @param head where the panel's words of scales begin
    /// @param to where `2 lanes` floats go
    static void scales(Panels w, float[] scratch, int head, int block, int to) {
        var form = w.form();
        var lanes = w.lanes();
        switch (form) {
            case Q8_0, Q4_0, NF4 -> single(scratch, head + (block >> 1) * lanes, (block & 1) * HALF, lanes, to);
            case Q4_1 -> withOffset(scratch, head + block * lanes, lanes, to);
            case Q4_K -> sixBits(scratch, head + (block >> 3) * 5 * lanes, block & 7, lanes, to);
            case Q6_K -> {
                var multipliers = head + (PanelForm.superWords(w.columns()) + (block >> 2)) * lanes;
                single(scratch, head + (block >> 5) * lanes, (block >> 4 & 1) * HALF, lanes, to);
                multiply(scratch, multipliers, (block & 3) * 8, lanes, to);
            }
            case F32, BF16, F16 -> throw new IllegalStateException(form + " has no scales");
        }
    }

    private static void single(float[] scratch, int words, int shift, int lanes, int to) {
        for (var lane = 0; lane < lanes; lane++) {
            var factor = finite(word(scratch, words + lane) >>> shift);
            scratch[to + lane] = factor;
            scratch[to + lanes + lane] = factor;
        }
    }

    /// Multiplies factors by signed bytes.
    private static void multiply(float[] scratch, int words, int shift, int lanes, int to) {
        for (var lane = 0; lane < lanes; lane++) {
            scratch[to + lane] *= (byte) (word(scratch, words + lane) >>> shift);
        }
    }

    private static void withOffset(float[] scratch, int words, int lanes, int to) {
        for (var lane = 0; lane < lanes; lane++) {
            var both = word(scratch, words + lane);
            scratch[to + lane] = finite(both);
            scratch[to + lanes + lane] = finite(both >>> HALF);
        }
    }

    private static void sixBits(float[] scratch, int words, int block, int lanes, int to) {
        for (var lane = 0; lane < lanes; lane++) {
            var both = word(scratch, words + lane);
            var factors = word(scratch, words + (1 + (block >> 1)) * lanes + lane) >>> (block & 1) * HALF;
            scratch[to + lane] = finite(both) * (factors & 0xFF);
            scratch[to + lanes + lane] = -(finite(both >>> HALF) * (factors >>> 8 & 0xFF));
        }
    }

    private static int word(float[] scratch, int at) {
        return Float.floatToRawIntBits(scratch[at]);
    }

    /// The half-precision number in the low 16 bits.
    private static float half(int bits) {
        if ((bits & 0x7C00) != 0x7C00) {
            return finite(bits);
        }
        return Float.intBitsToFloat((bits & 0x8000) << 16 | 0x7F800000 | (bits & 0x3FF) << 13);
    }

    /// The same where it is finite; not the platform's conversion, which is a call where the processor has
    /// none.
    private static float finite(int bits) {
        var magnitude = (bits & 0x7FFF) << 13;
        var wide = magnitude < 1 << 23
                ? Float.floatToRawIntBits(
                        Float.intBitsToFloat(magnitude + Float.floatToRawIntBits(SMALLEST)) - SMALLEST)
                : magnitude + EXPONENT_GAP;
        return Float.intBitsToFloat(wide | (bits & 0x8000) << 16);
    }
}
