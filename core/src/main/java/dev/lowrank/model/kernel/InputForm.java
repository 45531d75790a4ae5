package dev.lowrank.model.kernel;

/// What products with some weights read of a row of activations. A quantised weight is taken out of its
/// word by a mask and stays shifted up, so the activation that meets it is shifted down by the same power of
/// two, which is exact; what a block's weights are offset by meets the sum of its activations.
enum InputForm {
    /// The activations as they are.
    PLAIN,
    /// For bytes 128 above the weight.
    BYTES(32, -128, places(1, 0x1p-8f, 0x1p-16f, 1)),
    /// For halves of bytes 8 above the weight.
    NIBBLES(32, -8, places(1, 0x1p-4f, 0x1p-8f, 0x1p-12f)),
    /// For halves of bytes whose blocks have an offset of their own.
    OFFSET_NIBBLES(32, 1, NIBBLES.places),
    /// For five times six bits in each of three words, 32 above the weight; the sixteenth weight's parts are
    /// put together.
    SIXES(16, -32, new float[] {
        1, 0x1p-6f, 0x1p-12f, 0x1p-18f, 0x1p-24f,
        1, 0x1p-6f, 0x1p-12f, 0x1p-18f, 0x1p-24f,
        1, 0x1p-6f, 0x1p-12f, 0x1p-18f, 0x1p-24f,
        1
    });

    /// The period of the places; the smallest block.
    private static final int PERIOD = 16;

    private final int block;
    private final int sumFactor;
    private final float[] places;

    InputForm() {
        this(PERIOD, 0, new float[0]);
    }

    InputForm(int block, int sumFactor, float[] places) {
        this.block = block;
        this.sumFactor = sumFactor;
        this.places = places;
    }

    /// Repeats what undoes the places of a word's weights.
    private static float[] places(float... word) {
        var all = new float[PERIOD];
        for (var i = 0; i < PERIOD; i++) {
            all[i] = word[i % word.length];
        }
        return all;
    }

    /// Blocks of a row.
    int blocks(int columns) {
        return columns / block;
    }

    /// Shifts activations down to meet the weights; not for plain ones.
    ///
    /// @param values a multiple of 16
    /// @param shifted as long
    void shift(float[] values, float[] shifted) {
        for (var j = 0; j < values.length; j += PERIOD) {
            for (var k = 0; k < PERIOD; k++) {
                shifted[j + k] = values[j + k] * places[k];
            }
        }
    }

    /// Sums activations by blocks, times what weights are offset by.
    ///
    /// @param values a multiple of the block
    /// @param sums one for each block
    void sum(float[] values, float[] sums) {
        for (var at = 0; at < values.length; at += block) {
            float a = 0;
            float b = 0;
            for (var j = at; j < at + block; j += 2) {
                a += values[j];
                b += values[j + 1];
            }
            sums[at / block] = sumFactor * (a + b);
        }
    }
}
