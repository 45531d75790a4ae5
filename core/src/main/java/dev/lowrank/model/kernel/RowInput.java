package dev.lowrank.model.kernel;

/// One row of activations, and what products with quantised weights read of it besides: a weight is taken
/// out of its word by a mask and stays shifted up, so the activation that meets it is shifted down by the
/// same power of two, which is exact.
///
/// Whoever changes [#values()] calls [Kernels#prepare] before the next product. All arrays are padded with
/// zeros.
public final class RowInput {
    private static final int PADDING = 64;
    /// The smallest that sums are over.
    private static final int BLOCK = 16;

    /// What undoes the places of a word's four bytes; the last one is shifted down.
    private static final float[] BYTE_FACTORS = repeated(1, 0x1p-8f, 0x1p-16f, 1);
    /// What undoes the places of five times six bits in each of three words; the last weight's parts are
    /// put together.
    private static final float[] SIX_FACTORS = {
        1, 0x1p-6f, 0x1p-12f, 0x1p-18f, 0x1p-24f,
        1, 0x1p-6f, 0x1p-12f, 0x1p-18f, 0x1p-24f,
        1, 0x1p-6f, 0x1p-12f, 0x1p-18f, 0x1p-24f,
        1
    };
    /// What undoes the places of the four halves of bytes in half a word.
    private static final float[] NIBBLE_FACTORS = repeated(1, 0x1p-4f, 0x1p-8f, 0x1p-12f);

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
        return form.isShifted() ? shifted : values;
    }

    /// Sums over a form's blocks of elements, times what its weights are offset by; the array itself.
    float[] sums() {
        return sums;
    }

    /// Shifts activations to meet the fields of words, and sums them by blocks for the offsets.
    void prepare(PanelForm form) {
        if (!form.isShifted()) {
            return;
        }
        var factors = factors(form);
        for (var j = 0; j < values.length; j += BLOCK) {
            for (var k = 0; k < BLOCK; k++) {
                shifted[j + k] = values[j + k] * factors[k];
            }
        }
        var factor = form.hasOffsets() ? 1 : -form.bias();
        for (var block = 0; block < values.length / form.blockWeights(); block++) {
            float a = 0;
            float b = 0;
            for (var j = block * form.blockWeights(); j < (block + 1) * form.blockWeights(); j += 2) {
                a += values[j];
                b += values[j + 1];
            }
            sums[block] = factor * (a + b);
        }
    }

    private static float[] factors(PanelForm form) {
        return switch (form.bits()) {
            case 8 -> BYTE_FACTORS;
            case 6 -> SIX_FACTORS;
            default -> NIBBLE_FACTORS;
        };
    }

    /// As many as the smallest block has weights.
    private static float[] repeated(float... factors) {
        var all = new float[BLOCK];
        for (var i = 0; i < BLOCK; i++) {
            all[i] = factors[i % factors.length];
        }
        return all;
    }
}
