package dev.lowrank.compress.storage;

import dev.lowrank.tensor.DType;

/// Which type a matrix gets when blocks are asked for: rows that are no whole blocks take a finer type with
/// smaller blocks, and where that does not fit either, plain numbers of two bytes.
public final class BlockFit {
    private static final int PLAIN_BYTES = 2;

    private BlockFit() {}

    /// @param wanted a block type
    /// @param columns length of a row
    /// @param plain element type of the model, which decides between F16 and BF16
    public static DType of(DType wanted, long columns, DType plain) {
        var blocks = blocks(wanted, columns);
        return blocks.isBlocks() ? blocks : plain == DType.BF16 ? DType.BF16 : DType.F16;
    }

    /// @return F16 in place of either plain type
    private static DType blocks(DType wanted, long columns) {
        if (columns % wanted.blockWeights() == 0) {
            return wanted;
        }
        var finer = switch (wanted) {
            case Q4_K, NF4 -> DType.Q5_0;
            case Q6_K -> DType.Q8_0;
            default -> wanted;
        };
        return columns % finer.blockWeights() == 0 ? finer : DType.F16;
    }

    /// Bytes of a matrix.
    ///
    /// @param dtype element type, or the block type that is asked for
    static long bytes(DType dtype, long rows, long columns) {
        return rows * (dtype.isBlocks() ? blocks(dtype, columns) : dtype).bytes(columns);
    }

    /// Bytes of one number outside matrices, such as a bias.
    public static int plainBytes(DType dtype) {
        return dtype.isBlocks() ? PLAIN_BYTES : dtype.bytes();
    }

    /// Bytes of one number of a matrix, on average.
    public static double bytesPerNumber(DType dtype) {
        return (double) dtype.blockBytes() / dtype.blockWeights();
    }
}
