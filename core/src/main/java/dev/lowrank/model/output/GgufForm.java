package dev.lowrank.model.output;

import dev.lowrank.tensor.DType;
import java.util.Locale;

/// The types in which the matrices of a GGUF file can be written.
public enum GgufForm {
    F32(DType.F32, 0),
    F16(DType.F16, 1),
    BF16(DType.BF16, 32),
    Q8_0(DType.Q8_0, 7),
    Q5_0(DType.Q5_0, 8),
    Q4_0(DType.Q4_0, 2),
    Q4_1(DType.Q4_1, 3),
    Q4_K(DType.Q4_K, 14),
    Q6_K(DType.Q6_K, 18);

    private final DType dtype;
    private final int fileType;

    GgufForm(DType dtype, int fileType) {
        this.dtype = dtype;
        this.fileType = fileType;
    }

    /// Type of most matrices.
    public DType dtype() {
        return dtype;
    }

    /// `general.file_type`.
    int fileType() {
        return fileType;
    }

    /// Weights that share their scales; rows are multiples of it.
    int blockWeights() {
        return dtype.blockWeights();
    }

    /// The type of one matrix. The one that scores tokens is written finer than four bits, as llama.cpp's
    /// own tool does; rows that are not whole blocks take a type with smaller blocks, or none.
    ///
    /// @param columns length of a row
    /// @param scores whether it scores tokens
    /// @param stored type in the model
    DType of(long columns, boolean scores, DType stored) {
        if (!dtype.isBlocks()) {
            return dtype;
        }
        var fine = scores && dtype != DType.Q8_0 ? DType.Q6_K : dtype;
        if (columns % fine.blockWeights() == 0) {
            return fine;
        }
        var small = fine == DType.Q6_K ? DType.Q8_0 : fine == DType.Q4_K ? DType.Q5_0 : fine;
        if (columns % small.blockWeights() == 0) {
            return small;
        }
        return stored == DType.BF16 ? DType.BF16 : DType.F16;
    }

    /// The type that keeps what a model stores, where GGUF has it.
    static DType keeping(DType stored) {
        return switch (stored) {
            case F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K -> stored;
            case F8_E4M3, F8_E5M2 -> DType.BF16;
            case F64, NF4 -> DType.F32;
            case I64, I32, I16, U8 -> throw new IllegalArgumentException("Not a weight: " + stored);
        };
    }

    /// The form whose matrices have this type.
    static GgufForm of(DType dtype) {
        for (var form : values()) {
            if (form.dtype == dtype) {
                return form;
            }
        }
        return F32;
    }

    /// As on a command line, e.g. `q4_k`.
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
