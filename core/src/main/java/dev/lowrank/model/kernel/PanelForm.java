package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;

/// How a panel holds the weights of a row: a lane's 32-bit words carry 1, 2, 4 or 8 of them, or three words
/// carry 16. Blocks of quantised weights keep their scales apart, ahead of the panel's words.
enum PanelForm {
    F32(32, 1, InputForm.PLAIN),
    /// The even column in the low half.
    BF16(16, 1, InputForm.PLAIN),
    /// The even column in the low half.
    F16(16, 1, InputForm.PLAIN),
    /// Unsigned bytes, 128 above the weight; two scales to a word.
    Q8_0(8, 32, InputForm.BYTES),
    /// Unsigned halves of bytes, 8 above the weight; two scales to a word.
    Q4_0(4, 32, InputForm.NIBBLES),
    /// Unsigned halves of bytes; scale and offset in a word.
    Q4_1(4, 32, InputForm.OFFSET_NIBBLES),
    /// Unsigned halves of bytes; for 256 weights a word of scale and offset and four of six-bit
    /// multipliers.
    Q4_K(4, 32, InputForm.OFFSET_NIBBLES),
    /// Unsigned, 32 above the weight: five side by side in each of three words, whose upper two bits are
    /// the sixteenth's, the first word's the lowest. Scales of 256 weights come first, two to a word, then
    /// the signed multipliers, four to a word.
    Q6_K(6, 16, InputForm.SIXES),
    /// Halves of bytes that say which level; two scales to a word.
    NF4(4, 64, InputForm.PLAIN);

    /// Weights that share the scale of a block type with multipliers.
    static final int SUPER = 256;

    private final int bits;
    private final int blockWeights;
    private final InputForm input;

    PanelForm(int bits, int blockWeights, InputForm input) {
        this.bits = bits;
        this.blockWeights = blockWeights;
        this.input = input;
    }

    /// The form of a tensor's weights; those that the kernels do not read become F32.
    static PanelForm of(DType dtype) {
        return switch (dtype) {
            case BF16 -> BF16;
            case F16 -> F16;
            // Five bits fit into eight, whose blocks have the same scales: GGUF files mix both kinds.
            case Q8_0, Q5_0 -> Q8_0;
            case Q4_0 -> Q4_0;
            case Q4_1 -> Q4_1;
            case Q4_K -> Q4_K;
            case Q6_K -> Q6_K;
            case NF4 -> NF4;
            default -> F32;
        };
    }

    /// Neighbouring weights that share a scale; 1 without scales.
    int blockWeights() {
        return blockWeights;
    }

    /// What products read of an input.
    InputForm input() {
        return input;
    }

    /// Whether a block has an offset of its own besides its scale.
    boolean hasOffsets() {
        return input == InputForm.OFFSET_NIBBLES;
    }

    boolean isBlocks() {
        return blockWeights > 1;
    }

    /// Words of scales in front of a row's weights.
    int headWords(int columns) {
        return switch (this) {
            case F32, BF16, F16 -> 0;
            case Q8_0, Q4_0, NF4 -> Math.ceilDiv(columns, 2 * blockWeights);
            case Q4_1 -> columns / blockWeights;
            case Q4_K -> columns / SUPER * 5;
            case Q6_K -> superWords(columns) + columns / (4 * blockWeights);
        };
    }

    /// Words in front of multipliers, with two scales each.
    static int superWords(int columns) {
        return Math.ceilDiv(columns, 2 * SUPER);
    }

    /// Words of weights of a row.
    int bodyWords(int columns) {
        return Math.ceilDiv(columns * bits, Integer.SIZE);
    }
}
