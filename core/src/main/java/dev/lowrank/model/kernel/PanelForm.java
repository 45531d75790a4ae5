package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;

/// How a panel holds the weights of a row: a lane's 32-bit words carry 1, 2, 4 or 8 of them. Blocks of
/// quantised weights keep their scales apart, ahead of the panel's words.
enum PanelForm {
    F32(1, 1, 0),
    /// The even column in the low half.
    BF16(2, 1, 0),
    /// The even column in the low half.
    F16(2, 1, 0),
    /// Unsigned bytes, 128 above the weight; two scales to a word.
    Q8_0(4, 32, 128),
    /// Unsigned halves of bytes, 8 above the weight; two scales to a word.
    Q4_0(8, 32, 8),
    /// Unsigned halves of bytes; scale and offset in a word.
    Q4_1(8, 32, 0),
    /// Unsigned halves of bytes; for 256 weights a word of scale and offset and four of six-bit
    /// multipliers.
    Q4_K(8, 32, 0);

    private final int weightsPerWord;
    private final int blockWeights;
    private final int bias;

    PanelForm(int weightsPerWord, int blockWeights, int bias) {
        this.weightsPerWord = weightsPerWord;
        this.blockWeights = blockWeights;
        this.bias = bias;
    }

    /// The form of a tensor's weights; those that the kernels do not read become F32.
    static PanelForm of(DType dtype) {
        return switch (dtype) {
            case BF16 -> BF16;
            case F16 -> F16;
            case Q8_0 -> Q8_0;
            case Q4_0 -> Q4_0;
            case Q4_1 -> Q4_1;
            case Q4_K -> Q4_K;
            default -> F32;
        };
    }

    /// Weights in a word.
    int weightsPerWord() {
        return weightsPerWord;
    }

    /// Neighbouring weights that share a scale; 1 without scales.
    int blockWeights() {
        return blockWeights;
    }

    /// What an unsigned weight is above its value.
    int bias() {
        return bias;
    }

    /// Whether products with both read the same of a prepared input.
    boolean readsLike(PanelForm other) {
        return isBlocks() == other.isBlocks()
                && (!isBlocks() || weightsPerWord == other.weightsPerWord && bias == other.bias);
    }

    /// Whether a block has an offset of its own besides its scale.
    boolean hasOffsets() {
        return this == Q4_1 || this == Q4_K;
    }

    boolean isBlocks() {
        return blockWeights > 1;
    }

    /// Words of scales in front of a row's weights.
    int headWords(int columns) {
        return switch (this) {
            case F32, BF16, F16 -> 0;
            case Q8_0, Q4_0 -> Math.ceilDiv(columns, 2 * blockWeights);
            case Q4_1 -> columns / blockWeights;
            case Q4_K -> columns / 256 * 5;
        };
    }

    /// Words of weights of a row.
    int bodyWords(int columns) {
        return Math.ceilDiv(columns, weightsPerWord);
    }
}
