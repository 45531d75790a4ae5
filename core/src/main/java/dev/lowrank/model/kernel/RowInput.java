package dev.lowrank.model.kernel;

/// One row of activations, and what products with quantised weights read of it besides: a weight is taken
/// out of its word by a mask and stays shifted up, so the activation that meets it is shifted down by the
/// same power of two, which is exact.
///
/// Whoever changes [#values()] calls [Kernels#prepare] before the next product. All arrays are padded with
/// zeros.
public final class RowInput {
    private static final int PADDING = 64;
    private static final int BLOCK = 32;

    /// What undoes the places of a word's four bytes; the last one is shifted down.
    private static final float[] BYTE_FACTORS = {1, 0x1p-8f, 0x1p-16f, 1};
    /// What undoes the places of the four halves of bytes in half a word.
    private static final float[] NIBBLE_FACTORS = {1, 0x1p-4f, 0x1p-8f, 0x1p-12f};

    private final int length;
    private final float[] values;
    private final float[] shifted;
    private final float[] sums;

    /// @param length number of elements
    public RowInput(int length) {
        this.length = length;
        var padded = Math.ceilDiv(length, PADDING) * PADDING;
        values = new float[padded];
        shifted = new float[padded];
        sums = new float[padded / BLOCK];
    }

    /// The elements in order, then zeros that must stay; the array itself.
    public float[] values() {
        return values;
    }

    /// Number of elements.
    public int length() {
        return length;
    }

    /// The elements as they meet shifted weights; the array itself.
    float[] shifted() {
        return shifted;
    }

    /// The elements as they meet the weights of a form; the array itself.
    float[] meeting(PanelForm form) {
        return form.isBlocks() ? shifted : values;
    }

    /// Sums over blocks of 32 elements, times what a form's weights are offset by; the array itself.
    float[] sums() {
        return sums;
    }

    /// Shifts activations to meet the fields of words, and sums them by blocks for the offsets.
    void prepare(PanelForm form) {
        if (!form.isBlocks()) {
            return;
        }
        var factors = form.weightsPerWord() == 4 ? BYTE_FACTORS : NIBBLE_FACTORS;
        for (var j = 0; j < values.length; j += factors.length) {
            for (var k = 0; k < factors.length; k++) {
                shifted[j + k] = values[j + k] * factors[k];
            }
        }
        var factor = form.hasOffsets() ? 1 : -form.bias();
        for (var block = 0; block < sums.length; block++) {
            float a = 0;
            float b = 0;
            for (var j = block * form.blockWeights(); j < (block + 1) * form.blockWeights(); j += 2) {
                a += values[j];
                b += values[j + 1];
            }
            sums[block] = factor * (a + b);
        }
    }
}
