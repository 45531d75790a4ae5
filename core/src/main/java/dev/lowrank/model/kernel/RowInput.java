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

    /// Sums over a form's blocks of elements, times what its weights are offset by; the array itself.
    float[] sums() {
        return sums;
    }
}
