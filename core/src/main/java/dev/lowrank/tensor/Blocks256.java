package dev.lowrank.tensor;

import static dev.lowrank.tensor.BlockDecoder.half;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The GGUF "K" types: 256 weights a block, sub-blocks with small integer scales under one or two
/// half-precision ones. Source: the GGML tensor layouts, github.com/ggml-org/ggml.
final class Blocks256 {
    private static final int SUB = 32;

    private Blocks256() {}

    /// `y = d s_j q - dmin m_j`, 8 sub-blocks of 32; 144 bytes: d, dmin, 12 scale bytes, 128 bytes of
    /// halves. Each 64 weights share 32 bytes, the low halves first.
    static void q4_k(MemorySegment data, long at, float[] target, int to) {
        var d = half(data, at);
        var min = half(data, at + 2);
        for (var j = 0; j < 8; j++) {
            var scale = d * subScale(data, at + 4, j);
            var offset = min * subMin(data, at + 4, j);
            var from = 16 + j / 2 * SUB;
            var shift = (j & 1) * 4;
            for (var i = 0; i < SUB; i++) {
                var q = octet(data, at + from + i) >> shift & 0xF;
                target[to + j * SUB + i] = scale * q - offset;
            }
        }
    }

    /// As Q4_K with a fifth bit: 176 bytes: d, dmin, 12 scale bytes, 32 bytes of fifth bits (bit j of byte
    /// i belongs to weight i of sub-block j), 128 bytes of halves.
    static void q5_k(MemorySegment data, long at, float[] target, int to) {
        var d = half(data, at);
        var min = half(data, at + 2);
        for (var j = 0; j < 8; j++) {
            var scale = d * subScale(data, at + 4, j);
            var offset = min * subMin(data, at + 4, j);
            var from = 48 + j / 2 * SUB;
            var shift = (j & 1) * 4;
            for (var i = 0; i < SUB; i++) {
                var q = (octet(data, at + from + i) >> shift & 0xF) | (octet(data, at + 16 + i) >> j & 1) << 4;
                target[to + j * SUB + i] = scale * q - offset;
            }
        }
    }

    /// `y = d s (q - 32)`, 16 sub-blocks of 16; 210 bytes: 128 of low four bits, 64 of high two bits, 16
    /// signed scales, d. Per half of 128 weights, four groups of 32 take their low bits from two runs of 32
    /// bytes and share the high ones.
    static void q6_k(MemorySegment data, long at, float[] target, int to) {
        var d = half(data, at + 208);
        for (var group = 0; group < 8; group++) {
            var side = group / 4;
            var part = group % 4;
            var low = side * 64 + (part & 1) * SUB;
            var high = 128 + side * SUB;
            for (var i = 0; i < SUB; i++) {
                var four = octet(data, at + low + i) >> (part / 2 * 4) & 0xF;
                var two = octet(data, at + high + i) >> (2 * part) & 3;
                var scale = d * octet(data, at + (192 + group * 2 + i / 16));
                target[to + group * SUB + i] = scale * ((four | two << 4) - 32);
            }
        }
    }

    /// Six-bit scale `j` of the 12 packed bytes: four whole ones, then four with their top two bits
    /// elsewhere.
    static int subScale(MemorySegment data, long at, int j) {
        return j < 4
                ? octet(data, at + j) & 63
                : (octet(data, at + j + 4) & 0xF) | (octet(data, at + j - 4) >> 6 & 3) << 4;
    }

    static int subMin(MemorySegment data, long at, int j) {
        return j < 4
                ? octet(data, at + j + 4) & 63
                : (octet(data, at + j + 4) >> 4 & 0xF) | (octet(data, at + j) >> 6 & 3) << 4;
    }

    private static byte octet(MemorySegment data, long at) {
        return data.get(ValueLayout.JAVA_BYTE, at);
    }
}
