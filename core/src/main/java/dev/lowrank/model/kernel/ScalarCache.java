package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// What attention reads of a cache, without vectors, in the order of [CacheKernels] and
/// [NarrowCacheKernels].
final class ScalarCache {
    /// Vectors of columns that [CacheKernels] mixes together, with sums of their own for odd rows.
    private static final int COLUMNS_TOGETHER = 4;

    private static final int BLOCK = Kernels.KEY_BLOCK;
    /// Columns of a piece; a multiple of what vectors of any width mix together.
    private static final int PIECE = (Kernels.SCRATCH - BLOCK) / BLOCK;

    private static final int MIXED = 64 * 16;
    private static final int UPPER = 0xFFFF0000;

    private ScalarCache() {}

    /// See [Kernels#scores].
    static void scores(
            DType type,
            MemorySegment keys,
            long start,
            int width,
            float[] q,
            int qOffset,
            float[] scores,
            int at,
            float[] scratch) {
        for (var first = 0; first < Kernels.KEY_GROUP; first += BLOCK) {
            Arrays.fill(scratch, 0, BLOCK, 0);
            for (var j = 0; j < width; j += PIECE) {
                var columns = Math.min(PIECE, width - j);
                load(type, keys, start + type.bytes((long) first * width + (long) j * BLOCK), columns, scratch);
                ScalarSums.add(scratch, BLOCK, BLOCK, q, qOffset + j, columns, 1, 0);
            }
            System.arraycopy(scratch, 0, scores, at + first, BLOCK);
        }
    }

    /// Puts columns of a block of keys behind the sums, one after the other.
    private static void load(DType type, MemorySegment keys, long place, int columns, float[] scratch) {
        if (type == DType.F32) {
            MemorySegment.copy(keys, HostTensor.FLOAT, place, scratch, BLOCK, columns * BLOCK);
            return;
        }
        for (var j = 0; j < columns; j += 2) {
            for (var lane = 0; lane < BLOCK; lane++) {
                var pair = keys.get(HostTensor.INT, place + ((long) j / 2 * BLOCK + lane) * 4);
                scratch[(j + 1) * BLOCK + lane] = Float.intBitsToFloat(pair << 16);
                scratch[(j + 2) * BLOCK + lane] = Float.intBitsToFloat(pair & UPPER);
            }
        }
    }

    /// Puts one of two rows that lie element by element behind the sums.
    ///
    /// @param upper 0 for the first of them, 1 for the second
    private static void loadHalves(MemorySegment data, long place, int upper, int count, float[] scratch) {
        for (var k = 0; k < count; k++) {
            var pair = data.get(HostTensor.INT, place + 4L * k);
            scratch[MIXED + k] = Float.intBitsToFloat(upper == 0 ? pair << 16 : pair & UPPER);
        }
    }

    /// See [Kernels#mix].
    ///
    /// @param lanes of the vectors whose order it follows
    static void mix(
            DType type,
            MemorySegment data,
            long start,
            int rows,
            int columns,
            float[] p,
            int pOffset,
            float[] y,
            int yOffset,
            int lanes,
            float[] scratch) {
        for (var j = 0; j < columns; j += MIXED) {
            var count = Math.min(MIXED, columns - j);
            // Where even and odd rows have sums of their own, and where terms are still fused.
            var split = count - count % (COLUMNS_TOGETHER * lanes);
            var fused = count - count % lanes;
            Arrays.fill(scratch, 0, split, 0);
            for (var i = 0; i < rows; i++) {
                if (type == DType.F32) {
                    var place = start + ((long) i * columns + j) * 4;
                    MemorySegment.copy(data, HostTensor.FLOAT, place, scratch, MIXED, count);
                } else {
                    loadHalves(data, start + ((long) (i / 2) * columns + j) * 4, i % 2, count, scratch);
                }
                var weight = p[pOffset + i];
                if (i % 2 == 0) {
                    add(weight, scratch, 0, split, y, yOffset + j);
                } else {
                    add(weight, scratch, 0, split, scratch, 0);
                }
                add(weight, scratch, split, fused, y, yOffset + j);
                for (var k = fused; k < count; k++) {
                    y[yOffset + j + k] += weight * scratch[MIXED + k];
                }
            }
            for (var k = 0; k < split; k++) {
                y[yOffset + j + k] += scratch[k];
            }
        }
    }

    private static void add(float weight, float[] scratch, int from, int end, float[] sums, int at) {
        for (var k = from; k < end; k++) {
            sums[at + k] = Math.fma(scratch[MIXED + k], weight, sums[at + k]);
        }
    }
}
