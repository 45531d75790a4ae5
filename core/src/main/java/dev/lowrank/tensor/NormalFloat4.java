package dev.lowrank.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// NF4: 16 levels at quantiles of a normal distribution, from −1 to 1 with an exact zero, times the largest
/// magnitude of 64 neighbouring weights. Source: QLoRA, arXiv:2305.14314, section 3 and appendix E.
///
/// Our block is 34 bytes, 4.25 bits a weight: the magnitude as a half, then 32 bytes, of which byte `i`
/// holds weight `i` in its low half and weight `32 + i` in its high half. QLoRA's own files keep magnitudes
/// apart and in single precision or quantised again; nothing else reads this layout.
public final class NormalFloat4 {
    static final int WEIGHTS = 64;
    static final int BYTES = 34;

    private static final int PAIRS = 32;
    private static final float[] LEVELS = {
        -1.0f,
        -0.6961928009986877f,
        -0.5250730514526367f,
        -0.39491748809814453f,
        -0.28444138169288635f,
        -0.18477343022823334f,
        -0.09105003625154495f,
        0.0f,
        0.07958029955625534f,
        0.16093020141124725f,
        0.24611230194568634f,
        0.33791524171829224f,
        0.44070982933044434f,
        0.5626170039176941f,
        0.7229568362236023f,
        1.0f
    };

    private NormalFloat4() {}

    /// @param code from 0 to 15
    /// @return its level, a weight in units of its block's magnitude
    public static float level(int code) {
        return LEVELS[code];
    }

    /// `y = d level(q)`.
    static void decode(MemorySegment data, long at, float[] target, int to) {
        var d = BlockDecoder.half(data, at);
        for (var i = 0; i < PAIRS; i++) {
            var pair = data.get(JAVA_BYTE, at + 2 + i) & 0xFF;
            target[to + i] = d * LEVELS[pair & 0xF];
            target[to + PAIRS + i] = d * LEVELS[pair >> 4];
        }
    }

    /// The nearest level of each weight, in units of the magnitude as it is stored; of two equally near the
    /// lower.
    static void encode(float[] source, int from, MemorySegment target, long at) {
        var largest = 0f;
        for (var i = 0; i < WEIGHTS; i++) {
            largest = Math.max(largest, Math.abs(source[from + i]));
        }
        BlockEncoder.half(target, at, largest);
        var d = BlockDecoder.half(target, at);
        for (var i = 0; i < PAIRS; i++) {
            var low = nearest(source[from + i], d);
            var high = nearest(source[from + PAIRS + i], d);
            target.set(JAVA_BYTE, at + 2 + i, (byte) (low | high << 4));
        }
    }

    /// The code of the level nearest to a weight.
    ///
    /// @param d magnitude of the outermost levels
    static int nearest(float weight, float d) {
        var scaled = d == 0 ? 0 : weight / d;
        var code = 0;
        while (code < LEVELS.length - 1 && scaled > (LEVELS[code] + LEVELS[code + 1]) / 2) {
            code++;
        }
        return code;
    }
}
