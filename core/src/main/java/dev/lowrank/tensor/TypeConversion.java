package dev.lowrank.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Set;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.stream.IntStream;

/// Rounds tensors in plain memory to another type, quantised blocks among them, without LibTorch.
///
/// Chunks are rounded in parallel, each into its own part, so the bytes do not depend on threads.
public final class TypeConversion {
    private TypeConversion() {}

    /// The block types that [#convert] makes.
    ///
    /// @return those with an encoder; the other block types are only read
    public static Set<DType> blockTypes() {
        return BlockEncoder.TYPES;
    }

    /// Rounds a tensor: to the nearest, ties to even, for plain types; to blocks as the reference
    /// quantisers of ggml do it, bit by bit. Blocks are decoded first; a tensor that has the type already
    /// is copied.
    ///
    /// @param tensor floating values, all finite
    /// @param type F32, F16, BF16 or one of [#blockTypes()]; rows are whole blocks
    /// @param subject name of the tensor, for messages
    /// @param memory gives the result its memory
    /// @return the rounded tensor, of the same shape
    /// @throws NumericalException if a value is not finite, or becomes infinite in the new type
    /// @throws IllegalArgumentException if the type cannot be made or the rows are not whole blocks
    public static HostTensor convert(HostTensor tensor, DType type, String subject, SegmentAllocator memory) {
        var target = memory.allocate(type.bytes(tensor.shape().elements()), 64);
        var result = new HostTensor(type, tensor.shape(), target);
        if (tensor.dtype() == type) {
            target.copyFrom(tensor.data());
            return result;
        }
        var writer = Writer.of(type);
        var elements = tensor.shape().elements();
        var chunks = Math.toIntExact((elements + BlockDecoder.CHUNK_WEIGHTS - 1) / BlockDecoder.CHUNK_WEIGHTS);
        var bad = new LongAccumulator(Math::min, Long.MAX_VALUE);
        var tooLarge = new LongAccumulator(Math::min, Long.MAX_VALUE);
        IntStream.range(0, chunks).parallel().forEach(chunk -> {
            var first = (long) chunk * BlockDecoder.CHUNK_WEIGHTS;
            var count = (int) Math.min(BlockDecoder.CHUNK_WEIGHTS, elements - first);
            var values = new float[count];
            copy(tensor, first, values);
            var wrong = firstNonFinite(values);
            if (wrong >= 0) {
                bad.accumulate(first + wrong);
            } else {
                var overflow = writer.write(values, target, type.bytes(first));
                tooLarge.accumulate(overflow < 0 ? Long.MAX_VALUE : first + overflow);
            }
        });
        requireNone(bad.get(), subject, "is NaN or infinite; all values must be finite");
        requireNone(tooLarge.get(), subject, "is too large for " + type + "; write the tensor in BF16 or F32");
        return result;
    }

    /// Rounds a run of weights to whole blocks.
    ///
    /// @param values finite weights from `from` on
    /// @param count how many; whole blocks
    /// @param type one of [#blockTypes()]
    /// @param target receives `type.bytes(count)` bytes from `at`
    public static void encode(float[] values, int from, int count, DType type, MemorySegment target, long at) {
        var encoder = BlockEncoder.of(type);
        for (var done = 0; done < count; done += type.blockWeights()) {
            encoder.encode(values, from + done, target, at + type.bytes(done));
        }
    }

    private static void requireNone(long index, String subject, String problem) {
        if (index != Long.MAX_VALUE) {
            throw new NumericalException(
                    NumericalException.Kind.NON_FINITE, subject, "the value at index " + index + " " + problem);
        }
    }

    private static void copy(HostTensor tensor, long first, float[] values) {
        var weights = tensor.dtype().blockWeights();
        if (first % weights == 0 && values.length % weights == 0) {
            tensor.copyFloats(first, values.length, values, 0);
            return;
        }
        throw new IllegalStateException("Chunks are whole blocks of every type, not of " + tensor.dtype());
    }

    private static int firstNonFinite(float[] values) {
        for (var i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                return i;
            }
        }
        return -1;
    }

    /// Writes finite floats in one type.
    @FunctionalInterface
    private interface Writer {
        /// @return index of the first value that became infinite, or of its block's first; -1 for none
        int write(float[] values, MemorySegment target, long at);

        static Writer of(DType type) {
            return switch (type) {
                case F32 -> TypeConversion::single;
                case F16 -> TypeConversion::halves;
                case BF16 -> TypeConversion::upperHalves;
                default -> {
                    var encoder = BlockEncoder.of(type);
                    yield (values, target, at) -> blocks(encoder, type, values, target, at);
                }
            };
        }
    }

    private static int single(float[] values, MemorySegment target, long at) {
        MemorySegment.copy(values, 0, target, HostTensor.FLOAT, at, values.length);
        return -1;
    }

    private static int halves(float[] values, MemorySegment target, long at) {
        var overflow = -1;
        for (var i = 0; i < values.length; i++) {
            var half = Float.floatToFloat16(values[i]);
            target.set(HostTensor.SHORT, at + 2L * i, half);
            overflow = overflow < 0 && (half & 0x7C00) == 0x7C00 ? i : overflow;
        }
        return overflow;
    }

    private static int upperHalves(float[] values, MemorySegment target, long at) {
        var overflow = -1;
        for (var i = 0; i < values.length; i++) {
            var half = bf16(values[i]);
            target.set(HostTensor.SHORT, at + 2L * i, half);
            overflow = overflow < 0 && (half & 0x7F80) == 0x7F80 ? i : overflow;
        }
        return overflow;
    }

    /// The bits of the nearest BF16 number, of two the even one; of a NaN anything.
    public static short bf16(float value) {
        var bits = Float.floatToRawIntBits(value);
        return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
    }

    private static int blocks(BlockEncoder encoder, DType type, float[] values, MemorySegment target, long at) {
        var overflow = -1;
        for (var i = 0; i < values.length; i += type.blockWeights()) {
            var block = at + type.bytes(i);
            encoder.encode(values, i, target, block);
            overflow = overflow < 0 && !BlockDecoder.finiteScales(type, target, block) ? i : overflow;
        }
        return overflow;
    }
}
