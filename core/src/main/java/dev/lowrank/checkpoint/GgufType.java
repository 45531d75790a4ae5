package dev.lowrank.checkpoint;

import dev.lowrank.tensor.DType;
import org.jspecify.annotations.Nullable;

/// Tensor types of GGUF: those with a dtype are plain numbers, those with a decoder become F32, the others
/// are only listed.
enum GgufType {
    F32(0, 1, 4, DType.F32),
    F16(1, 1, 2, DType.F16),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q8_1(9, 32, 40),
    Q2_K(10, 256, 84),
    Q3_K(11, 256, 110),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    Q8_K(15, 256, 292),
    IQ2_XXS(16, 256, 66),
    IQ2_XS(17, 256, 74),
    IQ3_XXS(18, 256, 98),
    IQ1_S(19, 256, 50),
    IQ4_NL(20, 32, 18),
    IQ3_S(21, 256, 110),
    IQ2_S(22, 256, 82),
    IQ4_XS(23, 256, 136),
    I8(24, 1, 1),
    I16(25, 1, 2),
    I32(26, 1, 4, DType.I32),
    I64(27, 1, 8, DType.I64),
    F64(28, 1, 8, DType.F64),
    IQ1_M(29, 256, 56),
    BF16(30, 1, 2, DType.BF16),
    TQ1_0(34, 256, 54),
    TQ2_0(35, 256, 66),
    MXFP4(39, 32, 17),
    NVFP4(40, 64, 36);

    private final int id;
    private final int blockWeights;
    private final int blockBytes;
    private final @Nullable DType dtype;

    GgufType(int id, int blockWeights, int blockBytes) {
        this(id, blockWeights, blockBytes, null);
    }

    GgufType(int id, int blockWeights, int blockBytes, @Nullable DType dtype) {
        this.id = id;
        this.blockWeights = blockWeights;
        this.blockBytes = blockBytes;
        this.dtype = dtype;
    }

    static @Nullable GgufType ofId(int id) {
        for (var type : values()) {
            if (type.id == id) {
                return type;
            }
        }
        return null;
    }

    int id() {
        return id;
    }

    int blockWeights() {
        return blockWeights;
    }

    int blockBytes() {
        return blockBytes;
    }

    /// @return the type of plain numbers, or null for blocks
    @Nullable
    DType dtype() {
        return dtype;
    }

    /// @return the decoder of blocks, or null
    @Nullable
    BlockDecoder decoder() {
        return switch (this) {
            case Q4_0 -> Blocks32::q4_0;
            case Q4_1 -> Blocks32::q4_1;
            case Q5_0 -> Blocks32::q5_0;
            case Q5_1 -> Blocks32::q5_1;
            case Q8_0 -> Blocks32::q8_0;
            case Q4_K -> Blocks256::q4_k;
            case Q5_K -> Blocks256::q5_k;
            case Q6_K -> Blocks256::q6_k;
            default -> null;
        };
    }
}
