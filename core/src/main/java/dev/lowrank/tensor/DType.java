package dev.lowrank.tensor;

/// Element types that Lowrank reads, computes in or writes. Names are those of safetensors.
///
/// The two F8 types are read only: nothing is computed in them and nothing is written in them.
public enum DType {
    F64(8),
    F32(4),
    F16(2),
    BF16(2),
    I64(8),
    I32(4),
    U8(1),
    F8_E4M3(1),
    F8_E5M2(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /// @return bytes of one element
    public int bytes() {
        return bytes;
    }

    /// @return whether values of this type are real numbers
    public boolean isFloating() {
        return switch (this) {
            case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> true;
            case I64, I32, U8 -> false;
        };
    }
}
