package dev.lowrank.model.kernel;

/// One row of activations. Products with 16-bit weights read it in a second order, in which the even and
/// the odd elements of each stretch of two vectors lie side by side: a 32-bit load of two such weights then
/// needs a shift and a mask instead of two widening moves. Whoever changes [#values()] calls
/// [Kernels#split] before such a product.
public final class RowVector {
    private final float[] values;
    private final float[] split;

    /// @param length number of elements
    public RowVector(int length) {
        values = new float[length];
        split = new float[length];
    }

    /// The elements in order; the array itself.
    public float[] values() {
        return values;
    }

    /// The elements in the order that 16-bit products read; the array itself.
    float[] split() {
        return split;
    }

    /// Number of elements.
    public int length() {
        return values.length;
    }
}
