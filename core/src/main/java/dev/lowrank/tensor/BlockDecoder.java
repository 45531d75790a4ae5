package dev.lowrank.tensor;

import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/// Decodes one quantised block to floats; stateless.
@FunctionalInterface
interface BlockDecoder {
    /// Weights decoded per task.
    int CHUNK_WEIGHTS = 1 << 16;

    /// @param data holds the block
    /// @param at its first byte
    /// @param target receives its weights, in order, from `to`
    void decode(MemorySegment data, long at, float[] target, int to);

    /// @return the decoder of a block type
    static BlockDecoder of(DType type) {
        return switch (type) {
            case Q4_0 -> Blocks32::q4_0;
            case Q4_1 -> Blocks32::q4_1;
            case Q5_0 -> Blocks32::q5_0;
            case Q5_1 -> Blocks32::q5_1;
            case Q8_0 -> Blocks32::q8_0;
            case Q4_K -> Blocks256::q4_k;
            case Q5_K -> Blocks256::q5_k;
            case Q6_K -> Blocks256::q6_k;
            case NF4 -> NormalFloat4::decode;
            case F64, F32, F16, BF16, I64, I32, U8, F8_E4M3, F8_E5M2 ->
                throw new IllegalArgumentException(type + " has no blocks");
        };
    }

    /// @return the little-endian half at `at` as a float
    static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(HostTensor.SHORT, at));
    }

    /// @return whether the half at `at` is neither NaN nor infinite
    static boolean finite(MemorySegment data, long at) {
        return (data.get(HostTensor.SHORT, at) & 0x7C00) != 0x7C00;
    }

    /// Decodes a run of whole blocks.
    ///
    /// @param first block to decode
    /// @param count how many
    static void decode(HostTensor tensor, long first, int count, float[] target, int to) {
        var decoder = of(tensor.dtype());
        for (var i = 0; i < count; i++) {
            var at = (first + i) * tensor.dtype().blockBytes();
            decoder.decode(tensor.data(), at, target, to + i * tensor.dtype().blockWeights());
        }
    }

    /// Decodes a whole tensor in parallel; each chunk writes its own part, so the result does not depend on
    /// threads.
    ///
    /// @param target receives the weights as F32
    static void decode(HostTensor tensor, MemorySegment target) {
        var weights = tensor.dtype().blockWeights();
        var blocks = tensor.shape().elements() / weights;
        var perChunk = CHUNK_WEIGHTS / weights;
        var chunks = Math.toIntExact((blocks + perChunk - 1) / perChunk);
        IntStream.range(0, chunks).parallel().forEach(chunk -> {
            var first = (long) chunk * perChunk;
            var count = (int) Math.min(perChunk, blocks - first);
            var floats = new float[count * weights];
            decode(tensor, first, count, floats, 0);
            MemorySegment.copy(floats, 0, target, HostTensor.FLOAT, first * weights * 4L, floats.length);
        });
    }

    /// @return the first block of a tensor with a half-precision scale that is NaN or infinite; -1 if there
    ///     is none
    static long firstNonFinite(HostTensor tensor) {
        var type = tensor.dtype();
        var blocks = tensor.shape().elements() / type.blockWeights();
        for (var block = 0L; block < blocks; block++) {
            if (!finiteScales(type, tensor.data(), block * type.blockBytes())) {
                return block;
            }
        }
        return -1;
    }

    /// @param at first byte of a block
    /// @return whether the half-precision scales of the block are neither NaN nor infinite
    static boolean finiteScales(DType type, MemorySegment data, long at) {
        var scale = type == DType.Q6_K ? 208 : 0;
        return switch (type) {
            case Q4_1, Q5_1, Q4_K, Q5_K -> finite(data, at) && finite(data, at + 2);
            default -> finite(data, at + scale);
        };
    }
}
