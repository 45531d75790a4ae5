package dev.lowrank.checkpoint;

/// The GGUF "K" types: 256 weights a block, sub-blocks with small integer scales under one or two
/// half-precision ones. Source: the GGML tensor layouts, github.com/ggml-org/ggml.
final class Blocks256 {
    private static final int WEIGHTS = 256;
    private static final int SUB = 32;

    private Blocks256() {}

    /// `y = d s_j q - dmin m_j`, 8 sub-blocks of 32; 144 bytes: d, dmin, 12 scale bytes, 128 bytes of
    /// halves. Each 64 weights share 32 bytes, the low halves first.
    static void q4_k(byte[] bytes, int count, float[] target) {
        for (var block = 0; block < count; block++) {
            var at = block * 144;
            var d = BlockDecoder.scale(bytes, at, block);
            var min = BlockDecoder.scale(bytes, at + 2, block);
            for (var j = 0; j < 8; j++) {
                var scale = d * subScale(bytes, at + 4, j);
                var offset = min * subMin(bytes, at + 4, j);
                var from = at + 16 + j / 2 * SUB;
                var shift = (j & 1) * 4;
                var to = block * WEIGHTS + j * SUB;
                for (var i = 0; i < SUB; i++) {
                    target[to + i] = scale * (bytes[from + i] >> shift & 0xF) - offset;
                }
            }
        }
    }

    /// As Q4_K with a fifth bit: 176 bytes: d, dmin, 12 scale bytes, 32 bytes of fifth bits (bit j of byte
    /// i belongs to weight i of sub-block j), 128 bytes of halves.
    static void q5_k(byte[] bytes, int count, float[] target) {
        for (var block = 0; block < count; block++) {
            var at = block * 176;
            var d = BlockDecoder.scale(bytes, at, block);
            var min = BlockDecoder.scale(bytes, at + 2, block);
            for (var j = 0; j < 8; j++) {
                var scale = d * subScale(bytes, at + 4, j);
                var offset = min * subMin(bytes, at + 4, j);
                var from = at + 48 + j / 2 * SUB;
                var shift = (j & 1) * 4;
                var to = block * WEIGHTS + j * SUB;
                for (var i = 0; i < SUB; i++) {
                    var q = (bytes[from + i] >> shift & 0xF) | (bytes[at + 16 + i] >> j & 1) << 4;
                    target[to + i] = scale * q - offset;
                }
            }
        }
    }

    /// `y = d s (q - 32)`, 16 sub-blocks of 16; 210 bytes: 128 of low four bits, 64 of high two bits, 16
    /// signed scales, d. Per half of 128 weights, four groups of 32 take their low bits from two runs of 32
    /// bytes and share the high ones.
    static void q6_k(byte[] bytes, int count, float[] target) {
        for (var block = 0; block < count; block++) {
            var at = block * 210;
            var d = BlockDecoder.scale(bytes, at + 208, block);
            for (var group = 0; group < 8; group++) {
                var half = group / 4;
                var part = group % 4;
                var low = at + half * 64 + (part & 1) * SUB;
                var high = at + 128 + half * SUB;
                var to = block * WEIGHTS + group * SUB;
                for (var i = 0; i < SUB; i++) {
                    var q = (bytes[low + i] >> (part / 2 * 4) & 0xF) | (bytes[high + i] >> (2 * part) & 3) << 4;
                    var scale = d * bytes[at + 192 + group * 2 + i / 16];
                    target[to + i] = scale * (q - 32);
                }
            }
        }
    }

    /// Six-bit scale `j` of the 12 packed bytes: four whole ones, then four with their top two bits
    /// elsewhere.
    private static int subScale(byte[] bytes, int at, int j) {
        return j < 4 ? bytes[at + j] & 63 : (bytes[at + j + 4] & 0xF) | (bytes[at + j - 4] >> 6 & 3) << 4;
    }

    private static int subMin(byte[] bytes, int at, int j) {
        return j < 4 ? bytes[at + j + 4] & 63 : (bytes[at + j + 4] >> 4 & 0xF) | (bytes[at + j] >> 6 & 3) << 4;
    }
}
