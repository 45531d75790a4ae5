package dev.lowrank.model.kernel;

/// One row of activations, and what products with quantised weights read of it besides ([InputForm]).
///
/// Whoever changes [#values()] calls [Kernels#prepare] before the next product, once for each form of
/// weights that meets it. All arrays are padded with zeros.
public final class RowInput {
    private static final int PADDING = 64;

    private final int length;
    private final float[] values;
    private final float[][] shifted = new float[InputForm.values().length][];
    private final float[][] sums = new float[InputForm.values().length][];

    /// @param length number of elements
    public RowInput(int length) {
        this.length = length;
        values = new float[Math.ceilDiv(length, PADDING) * PADDING];
        shifted[InputForm.PLAIN.ordinal()] = values;
        sums[InputForm.PLAIN.ordinal()] = new float[values.length / PADDING];
    }

    /// The elements in order, then zeros that must stay; the array itself.
    public float[] values() {
        return values;
    }

    /// Number of elements.
    public int length() {
        return length;
    }

    /// The elements as they meet weights; the array itself.
    float[] meeting(PanelForm form) {
        return shifted[form.input().ordinal()];
    }

    /// Sums over blocks of elements, times what weights are offset by; zeros where they are not. The array
    /// itself.
    float[] sums(PanelForm form) {
        return sums[form.input().ordinal()];
    }

    /// Makes the elements ready for weights. The first time allocates.
    void prepare(PanelForm form) {
        var input = form.input();
        if (input == InputForm.PLAIN) {
            return;
        }
        var i = input.ordinal();
        if (shifted[i] == null) {
            shifted[i] = new float[values.length];
            sums[i] = new float[input.blocks(values.length)];
        }
        input.shift(values, shifted[i]);
        input.sum(values, sums[i]);
    }
}
