package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.TypeConversion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Rows of numbers in the orders of a cache, put there one by one.
final class CacheOrder {
    private CacheOrder() {}

    /// Keys with positions side by side.
    ///
    /// @param keys `[positions, width]`
    /// @param inWord 1 for F32, 2 for BF16
    static MemorySegment keys(HostTensor keys, int inWord) {
        var width = keys.shape().size(1);
        var result = empty(keys.shape().elements(), inWord);
        for (var position = 0L; position < keys.shape().size(0); position++) {
            for (var j = 0L; j < width; j++) {
                var block = position / Kernels.KEY_BLOCK;
                var word = (block * (width / inWord) + j / inWord) * Kernels.KEY_BLOCK + position % Kernels.KEY_BLOCK;
                put(result, word, j % inWord, inWord, keys.get(position * width + j));
            }
        }
        return result;
    }

    /// Values, in BF16 those of two positions element by element.
    ///
    /// @param values `[positions, width]`
    /// @param inWord 1 for F32, 2 for BF16
    static MemorySegment values(HostTensor values, int inWord) {
        var width = values.shape().size(1);
        var positions = values.shape().size(0);
        var result = empty((positions + positions % inWord) * width, inWord);
        for (var position = 0L; position < positions; position++) {
            for (var j = 0L; j < width; j++) {
                put(result, position / inWord * width + j, position % inWord, inWord, values.get(position * width + j));
            }
        }
        return result;
    }

    private static MemorySegment empty(long numbers, int inWord) {
        return Arena.ofAuto().allocate(numbers * Integer.BYTES / inWord, 64);
    }

    private static void put(MemorySegment target, long word, long place, int inWord, double value) {
        if (inWord == 1) {
            target.set(HostTensor.FLOAT, word * Integer.BYTES, (float) value);
        } else {
            target.set(
                    HostTensor.SHORT, word * Integer.BYTES + place * Short.BYTES, TypeConversion.bf16((float) value));
        }
    }
}
