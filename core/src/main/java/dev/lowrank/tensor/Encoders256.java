package dev.lowrank.tensor;

import static dev.lowrank.tensor.BlockEncoder.half;
import static dev.lowrank.tensor.BlockEncoder.nearest;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// Rounds to the GGUF types of 256 weights a block: each sub-block searches its own scale ([ScaleSearch]),
/// the scales are rounded together, and the weights once more by what the scales became. Layouts:
/// [Blocks256].
final class Encoders256 {
    private static final int SUB = 32;
    private static final int SMALL_SUB = 16;

    private Encoders256() {}

    /// 8 sub-blocks of 32 with scale and offset of 6 bits each.
    static void q4_k(float[] source, int from, MemorySegment target, long at) {
        var search = new ScaleSearch.Affine(SUB, 15);
        var codes = new byte[256];
        var scales = new float[8];
        var offsets = new float[8];
        var largestScale = 0f;
        var largestOffset = 0f;
        for (var j = 0; j < 8; j++) {
            search.fit(source, from + j * SUB, codes, j * SUB);
            scales[j] = search.scale();
            offsets[j] = search.offset();
            largestScale = scales[j] > largestScale ? scales[j] : largestScale;
            largestOffset = offsets[j] > largestOffset ? offsets[j] : largestOffset;
        }
        half(target, at, largestScale / 63);
        half(target, at + 2, largestOffset / 63);
        var d = BlockDecoder.half(target, at);
        var min = BlockDecoder.half(target, at + 2);
        var shortScales = sixBits(scales, largestScale);
        var shortOffsets = sixBits(offsets, largestOffset);
        packSixBits(shortScales, shortOffsets, target, at + 4);
        for (var j = 0; j < 8; j++) {
            // Where the scale rounds to 0 the weights keep the codes of the search.
            recode(source, from + j * SUB, codes, j * SUB, d * shortScales[j], min * shortOffsets[j]);
        }
        packPairs(codes, target, at + 16);
    }

    /// Codes of four bits, two sub-blocks of 32 to each 32 bytes.
    static void packPairs(byte[] codes, MemorySegment target, long at) {
        for (var pair = 0; pair < 4; pair++) {
            for (var i = 0; i < SUB; i++) {
                var low = codes[pair * 2 * SUB + i];
                var high = codes[(pair * 2 + 1) * SUB + i];
                target.set(JAVA_BYTE, at + (pair * SUB + i), (byte) (low | high << 4));
            }
        }
    }

    private static void recode(float[] source, int from, byte[] codes, int to, float d, float offset) {
        if (d == 0) {
            return;
        }
        for (var i = 0; i < SUB; i++) {
            codes[to + i] = (byte) Math.clamp(nearest((source[from + i] + offset) / d), 0, 15);
        }
    }

    private static int[] sixBits(float[] values, float largest) {
        var inverse = largest > 0 ? 63 / largest : 0;
        var bits = new int[values.length];
        for (var j = 0; j < bits.length; j++) {
            bits[j] = Math.min(63, nearest(inverse * values[j]) & 0xFF);
        }
        return bits;
    }

    /// Twelve bytes: scales 0 to 3, offsets 0 to 3, both with the top bits of 4 to 7 above their own six,
    /// then the low halves of 4 to 7.
    private static void packSixBits(int[] scales, int[] offsets, MemorySegment target, long at) {
        for (var j = 0; j < 4; j++) {
            target.set(JAVA_BYTE, at + j, (byte) (scales[j] | scales[j + 4] >> 4 << 6));
            target.set(JAVA_BYTE, at + 4 + j, (byte) (offsets[j] | offsets[j + 4] >> 4 << 6));
            target.set(JAVA_BYTE, at + 8 + j, (byte) (scales[j + 4] & 0xF | (offsets[j + 4] & 0xF) << 4));
        }
    }

    /// 16 sub-blocks of 16 with a signed scale of 8 bits each.
    static void q6_k(float[] source, int from, MemorySegment target, long at) {
        var codes = new byte[256];
        var scales = new float[SMALL_SUB];
        var largest = 0f;
        var outermost = 0f;
        for (var j = 0; j < SMALL_SUB; j++) {
            scales[j] = ScaleSearch.symmetric(source, from + j * SMALL_SUB, SMALL_SUB, 32, codes, j * SMALL_SUB);
            if (Math.abs(scales[j]) > largest) {
                largest = Math.abs(scales[j]);
                outermost = scales[j];
            }
        }
        if (largest < ScaleSearch.NOTHING) {
            target.asSlice(at, DType.Q6_K.blockBytes()).fill((byte) 0);
            return;
        }
        var inverse = -128 / outermost;
        half(target, at + 208, 1 / inverse);
        var d = BlockDecoder.half(target, at + 208);
        for (var j = 0; j < SMALL_SUB; j++) {
            var scale = (byte) Math.min(127, nearest(inverse * scales[j]));
            target.set(JAVA_BYTE, at + 192 + j, scale);
            if (d * scale != 0) {
                recode6(source, from + j * SMALL_SUB, codes, j * SMALL_SUB, d * scale);
            }
        }
        packCodes(codes, target, at);
    }

    private static void recode6(float[] source, int from, byte[] codes, int to, float d) {
        for (var i = 0; i < SMALL_SUB; i++) {
            codes[to + i] = (byte) (Math.clamp(nearest(source[from + i] / d), -32, 31) + 32);
        }
    }

    /// Low four bits of two sub-blocks of 32 to a byte, then the high two bits of four to a byte.
    static void packCodes(byte[] codes, MemorySegment target, long at) {
        for (var side = 0; side < 2; side++) {
            for (var i = 0; i < SUB; i++) {
                var first = codes[side * 128 + i];
                var second = codes[side * 128 + SUB + i];
                var third = codes[side * 128 + 2 * SUB + i];
                var fourth = codes[side * 128 + 3 * SUB + i];
                target.set(JAVA_BYTE, at + (side * 64 + i), (byte) (first & 0xF | (third & 0xF) << 4));
                target.set(JAVA_BYTE, at + (side * 64 + SUB + i), (byte) (second & 0xF | (fourth & 0xF) << 4));
                var high = first >> 4 | second >> 4 << 2 | third >> 4 << 4 | fourth >> 4 << 6;
                target.set(JAVA_BYTE, at + (128 + side * SUB + i), (byte) high);
            }
        }
    }
}
