package dev.lowrank.testing;

/// How close two results must be: `|actual − expected| ≤ absolute + relative · max|expected|`. Named by
/// what was computed, so that a test says why its bound is what it is.
public enum Tolerance {
    /// The same F64 arithmetic in another order.
    F64_EXACT(1e-13, 1e-12),
    /// Two algorithms for one F64 decomposition.
    F64_DECOMPOSITION(1e-10, 1e-9),
    /// Sums of up to some thousand F32 products.
    F32_MATMUL(1e-5, 1e-5),
    /// Logits of a whole F32 model.
    F32_LOGITS(1e-4, 1e-4),
    /// Logits of a tiny F32 model, around 1, against those that `transformers` stored.
    GOLDEN_LOGITS(1e-4, 0),
    /// Logits of the same F32 weights in the same form through another engine.
    ENGINES_AGREE(0, 1e-4),
    /// Logits of a whole BF16 model: 8 bits of mantissa through every layer.
    BF16_LOGITS(5e-2, 5e-2);

    private final double absolute;
    private final double relative;

    Tolerance(double absolute, double relative) {
        this.absolute = absolute;
        this.relative = relative;
    }

    /// @param magnitude largest expected magnitude
    /// @return the largest difference allowed
    public double bound(double magnitude) {
        return absolute + relative * magnitude;
    }
}
