package dev.lowrank.tensor;

import static dev.lowrank.tensor.BlockEncoder.half;
import static dev.lowrank.tensor.BlockEncoder.truncated;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// Rounds to the GGUF types of 32 weights a block. The inverse is that of the scale before it is rounded to
/// a half: so the reference does it, and the bytes depend on it. Layouts: [Blocks32].
final class Encoders32 {
    private static final int WEIGHTS = 32;
    private static final int HALF = 16;

    private Encoders32() {}

    /// `d` = largest magnitude / 127; ties away from zero.
    static void q8_0(float[] source, int from, MemorySegment target, long at) {
        var largest = 0f;
        for (var i = 0; i < WEIGHTS; i++) {
            largest = Math.max(largest, Math.abs(source[from + i]));
        }
        var d = largest / 127;
        var inverse = inverse(d);
        half(target, at, d);
        for (var i = 0; i < WEIGHTS; i++) {
            target.set(JAVA_BYTE, at + 2 + i, (byte) awayFromZero(source[from + i] * inverse));
        }
    }

    /// `d` = the weight of the largest magnitude / −8, so that it falls on the outermost of the 16 levels.
    static void q4_0(float[] source, int from, MemorySegment target, long at) {
        var d = outermost(source, from) / -8;
        var inverse = inverse(d);
        half(target, at, d);
        for (var i = 0; i < HALF; i++) {
            var low = level(source[from + i] * inverse + 8.5f, 15);
            var high = level(source[from + HALF + i] * inverse + 8.5f, 15);
            target.set(JAVA_BYTE, at + 2 + i, (byte) (low | high << 4));
        }
    }

    /// `m` = the smallest weight, `d` = (largest − smallest) / 15.
    static void q4_1(float[] source, int from, MemorySegment target, long at) {
        var smallest = Float.MAX_VALUE;
        var largest = -Float.MAX_VALUE;
        for (var i = 0; i < WEIGHTS; i++) {
            var x = source[from + i];
            // Not Math.min: of a negative and a positive zero the first stays.
            smallest = x < smallest ? x : smallest;
            largest = x > largest ? x : largest;
        }
        var d = (largest - smallest) / 15;
        var inverse = inverse(d);
        half(target, at, d);
        half(target, at + 2, smallest);
        for (var i = 0; i < HALF; i++) {
            var low = level((source[from + i] - smallest) * inverse + 0.5f, 15);
            var high = level((source[from + HALF + i] - smallest) * inverse + 0.5f, 15);
            target.set(JAVA_BYTE, at + 4 + i, (byte) (low | high << 4));
        }
    }

    /// As Q4_0 with 32 levels.
    static void q5_0(float[] source, int from, MemorySegment target, long at) {
        var d = outermost(source, from) / -16;
        var inverse = inverse(d);
        half(target, at, d);
        var fifth = 0;
        for (var i = 0; i < HALF; i++) {
            var low = level(source[from + i] * inverse + 16.5f, 31);
            var high = level(source[from + HALF + i] * inverse + 16.5f, 31);
            target.set(JAVA_BYTE, at + 6 + i, (byte) (low & 0xF | (high & 0xF) << 4));
            fifth |= (low >> 4 & 1) << i | (high >> 4 & 1) << (i + HALF);
        }
        target.set(HostTensor.INT, at + 2, fifth);
    }

    /// The low four bits of each code: those of the first half of a block in the low halves of its bytes.
    static void packPairs(byte[] codes, MemorySegment target, long at) {
        var half = codes.length / 2;
        for (var i = 0; i < half; i++) {
            target.set(JAVA_BYTE, at + i, (byte) (codes[i] & 0xF | (codes[half + i] & 0xF) << 4));
        }
    }

    /// The fifth bits of 32 codes.
    static void packFifth(byte[] codes, MemorySegment target, long at) {
        var bits = 0;
        for (var i = 0; i < WEIGHTS; i++) {
            bits |= (codes[i] >> 4 & 1) << i;
        }
        target.set(HostTensor.INT, at, bits);
    }

    /// The first weight of the largest magnitude, with its sign.
    private static float outermost(float[] source, int from) {
        var largest = 0f;
        var weight = 0f;
        for (var i = 0; i < WEIGHTS; i++) {
            var x = source[from + i];
            if (largest < Math.abs(x)) {
                largest = Math.abs(x);
                weight = x;
            }
        }
        return weight;
    }

    private static float inverse(float d) {
        return d == 0 ? 0 : 1 / d;
    }

    private static int level(float shifted, int most) {
        return Math.min(most, (byte) truncated(shifted));
    }

    private static int awayFromZero(float value) {
        var whole = truncated(value);
        return whole != Integer.MIN_VALUE && Math.abs(value - whole) >= 0.5f ? whole + (value < 0 ? -1 : 1) : whole;
    }
}
