package dev.lowrank.model.kernel;

/// `e^x` and functions of it, one number at a time.
final class Exponential {
    static final float LOG2_E = 1.44269504f;
    static final float LN2_HIGH = 0.693359375f;
    static final float LN2_LOW = -2.12194440e-4f;
    /// Adding 1.5 · 2²³ rounds to an integer, which then lies in the low bits.
    static final float ROUNDER = 12582912f;
    static final float LARGEST = 88;
    static final float SMALLEST = -87;
    static final float GELU_CUBIC = 0.044715f;
    private static final float GELU_FACTOR = (float) Math.sqrt(2 / Math.PI);
    /// What makes `−2u` of the polynomial in `gelu`.
    static final float GELU_EXPONENT = (float) (-2 * Math.sqrt(2 / Math.PI));

    private Exponential() {}

    /// What a lane of [VectorKernels] computes, bit for bit.
    static float of(float v) {
        var x = Math.max(Math.min(v, LARGEST), SMALLEST);
        var rounded = x * LOG2_E + ROUNDER;
        var n = rounded - ROUNDER;
        var r = x - n * LN2_HIGH - n * LN2_LOW;
        var p = r * 1.9841270e-4f + 1.3888889e-3f;
        p = p * r + 8.3333333e-3f;
        p = p * r + 4.1666667e-2f;
        p = p * r + 0.16666667f;
        p = p * r + 0.5f;
        p = p * r + 1;
        p = p * r + 1;
        return p
                * Float.intBitsToFloat(
                        (Float.floatToRawIntBits(rounded) + 127 - Float.floatToRawIntBits(ROUNDER)) << 23);
    }

    /// `x / (1 + exp(−x))`.
    static float silu(float x) {
        return (float) (x / (1 + Math.exp(-x)));
    }

    /// `(1 + tanh u) / 2 = 1 / (1 + exp(−2u))`, without the cancellation of the left side.
    static float geluTanh(float x) {
        var u = GELU_FACTOR * (x + GELU_CUBIC * x * x * x);
        return (float) (x / (1 + Math.exp(-2 * u)));
    }
}
