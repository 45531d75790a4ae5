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
        // Zeros for blocks of any size: plain weights have no offset.
        sums[InputForm.PLAIN.ordinal()] = new float[InputForm.PLAIN.blocks(values.length)];
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

    /// Makes room for what products with a matrix read, where that is not there yet.
    public void expect(Panels w) {
        var input = w.form().input();
        var i = input.ordinal();
        if (shifted[i] == null) {
            shifted[i] = new float[values.length];
            sums[i] = new float[input.blocks(values.length)];
        }
    }

    /// Makes the elements ready for products with a matrix.
    void prepare(Panels w) {
        expect(w);
        var input = w.form().input();
        if (input != InputForm.PLAIN) {
            input.shift(values, shifted[input.ordinal()]);
            input.sum(values, sums[input.ordinal()]);
        }
    }
}
