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
            case F64, F32, F16, BF16, I64, I32, I16, U8, F8_E4M3, F8_E5M2 ->
                throw new IllegalArgumentException(type + " has no blocks");
        };
    }

    /// @return the little-endian half at `at` as a float
    static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(HostTensor.SHORT, at));
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

    /// Looks through copies on the heap, chunk by chunk, because a model is opened before these loops are
    /// compiled, and until then native memory is slow to read element by element.
    ///
    /// @return the first block of a tensor with a half-precision scale that is NaN or infinite; -1 if there
    ///     is none
    static long firstNonFinite(HostTensor tensor) {
        var type = tensor.dtype();
        var step = type.blockBytes() / 2;
        var blocks = tensor.shape().elements() / type.blockWeights();
        var perChunk = CHUNK_WEIGHTS / type.blockWeights();
        var chunk = new short[perChunk * step];
        for (var first = 0L; first < blocks; first += perChunk) {
            var count = (int) Math.min(perChunk, blocks - first);
            MemorySegment.copy(tensor.data(), HostTensor.SHORT, first * step * 2L, chunk, 0, count * step);
            var found = firstNonFinite(type, chunk, count, step);
            if (found >= 0) {
                return first + found;
            }
        }
        return -1;
    }

    private static int firstNonFinite(DType type, short[] halves, int count, int step) {
        var first = scale(type) / 2;
        var last = lastScale(type) / 2;
        for (var block = 0; block < count; block++) {
            if (!finite(halves[block * step + first]) || !finite(halves[block * step + last])) {
                return block;
            }
        }
        return -1;
    }

    /// @param at first byte of a block
    /// @return whether the half-precision scales of the block are neither NaN nor infinite
    static boolean finiteScales(DType type, MemorySegment data, long at) {
        return finite(data.get(HostTensor.SHORT, at + scale(type)))
                && finite(data.get(HostTensor.SHORT, at + lastScale(type)));
    }

    /// Where a block's scale is.
    private static int scale(DType type) {
        return type == DType.Q6_K ? 208 : 0;
    }

    /// Where its last one is: an offset, or the only scale.
    private static int lastScale(DType type) {
        return switch (type) {
            case Q4_1, Q5_1, Q4_K, Q5_K -> 2;
            default -> scale(type);
        };
    }

    private static boolean finite(short half) {
        return (half & 0x7C00) != 0x7C00;
    }
}
