package dev.lowrank.tensor;

/// The two 8-bit float formats of checkpoints, read only.
final class Float8 {
    private Float8() {}

    /// 4 exponent bits (bias 7), 3 mantissa bits, no infinity; `0x7F` and `0xFF` are NaN.
    static float e4m3(byte bits) {
        var exponent = (bits >> 3) & 0xF;
        var mantissa = bits & 0x7;
        if (exponent == 0xF && mantissa == 0x7) {
            return Float.NaN;
        }
        var magnitude =
                exponent == 0 ? Math.scalb((float) mantissa, -9) : Math.scalb(1.0f + mantissa / 8.0f, exponent - 7);
        return bits < 0 ? -magnitude : magnitude;
    }

    /// 5 exponent bits (bias 15), 2 mantissa bits: the upper half of an F16.
    static float e5m2(byte bits) {
        return Float.float16ToFloat((short) (bits << 8));
    }
}
