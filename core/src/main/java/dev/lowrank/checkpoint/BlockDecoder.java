package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.stream.IntStream;

/// Decodes a run of quantised blocks to floats; stateless.
@FunctionalInterface
interface BlockDecoder {
    /// A block whose scale is NaN or infinite.
    final class NonFiniteScale extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final int block;

        NonFiniteScale(int block) {
            super(null, null, false, false);
            this.block = block;
        }
    }

    /// Weights decoded per task.
    int CHUNK_WEIGHTS = 1 << 16;

    /// @param blocks the bytes of `count` blocks
    /// @param count number of blocks
    /// @param target their weights, in order
    void decode(byte[] blocks, int count, float[] target);

    /// @return the little-endian half at `at` as a float
    /// @throws NonFiniteScale if it is NaN or infinite
    static float scale(byte[] bytes, int at, int block) {
        var bits = (bytes[at] & 0xFF) | (bytes[at + 1] << 8);
        if ((bits & 0x7C00) == 0x7C00) {
            throw new NonFiniteScale(block);
        }
        return Float.float16ToFloat((short) bits);
    }

    /// Decodes a whole tensor in parallel; each chunk writes its own part, so the result does not depend on
    /// threads.
    ///
    /// @param file for messages
    /// @param name tensor, for messages
    /// @param type a type with a decoder
    /// @param source whole blocks
    /// @return the weights as F32
    static MemorySegment decode(Path file, String name, GgufType type, BlockDecoder decoder, MemorySegment source) {
        var blocks = source.byteSize() / type.blockBytes();
        var perChunk = Math.max(1, CHUNK_WEIGHTS / type.blockWeights());
        var target = Arena.ofAuto().allocate(blocks * type.blockWeights() * 4L, 64);
        var chunks = Math.toIntExact((blocks + perChunk - 1) / perChunk);
        IntStream.range(0, chunks).parallel().forEach(chunk -> {
            var first = (long) chunk * perChunk;
            var count = (int) Math.min(perChunk, blocks - first);
            var bytes = new byte[count * type.blockBytes()];
            var floats = new float[count * type.blockWeights()];
            MemorySegment.copy(source, ValueLayout.JAVA_BYTE, first * type.blockBytes(), bytes, 0, bytes.length);
            try {
                decoder.decode(bytes, count, floats);
            } catch (NonFiniteScale e) {
                throw new CheckpointException(
                        Code.NUM_NONFINITE,
                        file,
                        -1,
                        name,
                        "The scale of block " + (first + e.block) + " is not a finite number",
                        null);
            }
            MemorySegment.copy(
                    floats, 0, target, ValueLayout.JAVA_FLOAT, first * type.blockWeights() * 4L, floats.length);
        });
        return target;
    }
}
