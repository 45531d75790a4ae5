package dev.lowrank.checkpoint;

import dev.lowrank.tensor.DType;
import org.jspecify.annotations.Nullable;

/// Tensor types of GGUF: those with a dtype are read, the others are only listed.
enum GgufType {
    F32(0, DType.F32),
    F16(1, DType.F16),
    Q4_0(2, DType.Q4_0),
    Q4_1(3, DType.Q4_1),
    Q5_0(6, DType.Q5_0),
    Q5_1(7, DType.Q5_1),
    Q8_0(8, DType.Q8_0),
    Q8_1(9, 32, 40),
    Q2_K(10, 256, 84),
    Q3_K(11, 256, 110),
    Q4_K(12, DType.Q4_K),
    Q5_K(13, DType.Q5_K),
    Q6_K(14, DType.Q6_K),
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
    I32(26, DType.I32),
    I64(27, DType.I64),
    F64(28, DType.F64),
    IQ1_M(29, 256, 56),
    BF16(30, DType.BF16),
    TQ1_0(34, 256, 54),
    TQ2_0(35, 256, 66),
    MXFP4(39, 32, 17),
    NVFP4(40, 64, 36);

    private final int id;
    private final int blockWeights;
    private final int blockBytes;
    private final @Nullable DType dtype;

    GgufType(int id, DType dtype) {
        this(id, dtype.blockWeights(), dtype.blockBytes(), dtype);
    }

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

    /// @return the type that stores this one
    /// @throws IllegalArgumentException if the format has none
    static GgufType of(DType dtype) {
        for (var type : values()) {
            if (type.dtype == dtype) {
                return type;
            }
        }
        throw new IllegalArgumentException("GGUF has no type " + dtype);
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

    /// @return the type that reading gives, or null if it is only listed
    @Nullable
    DType dtype() {
        return dtype;
    }

    /// @return the type of its values: F32 for blocks and for what is only listed
    DType valueType() {
        return dtype == null || dtype.isBlocks() ? DType.F32 : dtype;
    }
}
