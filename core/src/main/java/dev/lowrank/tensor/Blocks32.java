package dev.lowrank.tensor;

import static dev.lowrank.tensor.BlockDecoder.half;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/// The GGUF types of 32 weights a block: one half-precision scale, with or without an offset, then 4, 5 or
/// 8 bits a weight. Four-bit parts keep weights 0 to 15 in the low halves of 16 bytes and 16 to 31 in the
/// high halves. Source: the GGML tensor layouts, github.com/ggml-org/ggml.
final class Blocks32 {
    private static final int WEIGHTS = 32;
    private static final int HALF = 16;

    private Blocks32() {}

    /// `y = d (q - 8)`; 18 bytes: d, 16 bytes of halves.
    static void q4_0(MemorySegment data, long at, float[] target, int to) {
        var d = half(data, at);
        for (var i = 0; i < HALF; i++) {
            var pair = data.get(JAVA_BYTE, at + 2 + i) & 0xFF;
            target[to + i] = ((pair & 0xF) - 8) * d;
            target[to + HALF + i] = ((pair >> 4) - 8) * d;
        }
    }

    /// `y = d q + m`; 20 bytes: d, m, 16 bytes of halves.
    static void q4_1(MemorySegment data, long at, float[] target, int to) {
        var d = half(data, at);
        var m = half(data, at + 2);
        for (var i = 0; i < HALF; i++) {
            var pair = data.get(JAVA_BYTE, at + 4 + i) & 0xFF;
            target[to + i] = (pair & 0xF) * d + m;
            target[to + HALF + i] = (pair >> 4) * d + m;
        }
    }

    /// `y = d (q - 16)`; 22 bytes: d, 32 fifth bits, 16 bytes of halves.
    static void q5_0(MemorySegment data, long at, float[] target, int to) {
        var d = half(data, at);
        var high = data.get(HostTensor.INT, at + 2);
        for (var i = 0; i < HALF; i++) {
            var pair = data.get(JAVA_BYTE, at + 6 + i) & 0xFF;
            target[to + i] = (((pair & 0xF) | (high >>> i & 1) << 4) - 16) * d;
            target[to + HALF + i] = (((pair >> 4) | (high >>> (i + HALF) & 1) << 4) - 16) * d;
        }
    }

    /// `y = d q + m`; 24 bytes: d, m, 32 fifth bits, 16 bytes of halves.
    static void q5_1(MemorySegment data, long at, float[] target, int to) {
        var d = half(data, at);
        var m = half(data, at + 2);
        var high = data.get(HostTensor.INT, at + 4);
        for (var i = 0; i < HALF; i++) {
            var pair = data.get(JAVA_BYTE, at + 8 + i) & 0xFF;
            target[to + i] = ((pair & 0xF) | (high >>> i & 1) << 4) * d + m;
            target[to + HALF + i] = ((pair >> 4) | (high >>> (i + HALF) & 1) << 4) * d + m;
        }
    }

    /// `y = d q`; 34 bytes: d, 32 signed bytes.
    static void q8_0(MemorySegment data, long at, float[] target, int to) {
        var d = half(data, at);
        for (var i = 0; i < WEIGHTS; i++) {
            target[to + i] = data.get(JAVA_BYTE, at + 2 + i) * d;
        }
    }
}
