package dev.lowrank.tensor;

import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Set;

/// Rounds floats to one quantised block; stateless. Those of GGUF's types give the bytes that the reference
/// quantisers of ggml give, to the bit: they search where those search, and round where those round.
@FunctionalInterface
interface BlockEncoder {
    /// The block types that can be written.
    Set<DType> TYPES =
            Set.copyOf(EnumSet.of(DType.Q4_0, DType.Q4_1, DType.Q5_0, DType.Q8_0, DType.Q4_K, DType.Q6_K, DType.NF4));

    /// @param source finite weights of the block, from `from` on
    /// @param target receives the block, its first byte at `at`
    void encode(float[] source, int from, MemorySegment target, long at);

    /// @return the encoder of a block type
    /// @throws IllegalArgumentException for a type that is only read
    static BlockEncoder of(DType type) {
        return switch (type) {
            case Q4_0 -> Encoders32::q4_0;
            case Q4_1 -> Encoders32::q4_1;
            case Q5_0 -> Encoders32::q5_0;
            case Q8_0 -> Encoders32::q8_0;
            case Q4_K -> Encoders256::q4_k;
            case Q6_K -> Encoders256::q6_k;
            case NF4 -> NormalFloat4::encode;
            case F64, F32, F16, BF16, I64, I32, I16, U8, F8_E4M3, F8_E5M2, Q5_1, Q5_K ->
                throw new IllegalArgumentException("Blocks of " + type + " are not written; there are " + TYPES);
        };
    }

    /// Stores a float rounded to the nearest half, ties to even.
    static void half(MemorySegment target, long at, float value) {
        target.set(HostTensor.SHORT, at, Float.floatToFloat16(value));
    }

    /// The nearest whole number, ties to even, by adding a number so large that the sum has no fraction.
    /// Past ±2^22 it gives what ggml's trick gives, which is not the nearest.
    static int nearest(float value) {
        return (Float.floatToRawIntBits(value + 12_582_912f) & 0x007F_FFFF) - 0x0040_0000;
    }

    /// The whole part as the processors give it on which the reference was compiled: out of range and NaN
    /// become the smallest int. It happens where the inverse of a tiny scale is infinite.
    static int truncated(float value) {
        return value >= -0x1p31f && value < 0x1p31f ? (int) value : Integer.MIN_VALUE;
    }
}
