package dev.lowrank.tensor;

/// Element types that Lowrank reads, computes in or writes. Plain ones carry the names of safetensors; the
/// block types are those of GGUF, in which 32 or 256 neighbouring weights of a row share their scales, and
/// [#NF4], in which 64 do.
///
/// No LibTorch tensor has the two F8 types or a block type: they are decoded on the way in. Which block
/// types are written says [TypeConversion#blockTypes()]; F8 is only read.
public enum DType {
    F64(8),
    F32(4),
    F16(2),
    BF16(2),
    I64(8),
    I32(4),
    I16(2),
    U8(1),
    F8_E4M3(1),
    F8_E5M2(1),
    Q4_0(32, 18),
    Q4_1(32, 20),
    Q5_0(32, 22),
    Q5_1(32, 24),
    Q8_0(32, 34),
    Q4_K(256, 144),
    Q5_K(256, 176),
    Q6_K(256, 210),
    /// QLoRA's, in blocks of our own; no file format has it.
    NF4(NormalFloat4.WEIGHTS, NormalFloat4.BYTES);

    private final int blockWeights;
    private final int blockBytes;

    DType(int bytes) {
        this(1, bytes);
    }

    DType(int blockWeights, int blockBytes) {
        this.blockWeights = blockWeights;
        this.blockBytes = blockBytes;
    }

    /// @return bytes of one element
    /// @throws IllegalArgumentException for a block type, whose elements have no bytes of their own
    public int bytes() {
        if (isBlocks()) {
            throw new IllegalArgumentException("An element of " + this + " has no bytes of its own, " + blockWeights
                    + " of them share " + blockBytes + "; decode the tensor to F32 first");
        }
        return blockBytes;
    }

    /// @param elements how many; whole blocks
    /// @return bytes of that many elements
    /// @throws IllegalArgumentException if they are not whole blocks
    /// @throws ArithmeticException past 64 bits
    public long bytes(long elements) {
        if (elements % blockWeights != 0) {
            throw new IllegalArgumentException(
                    elements + " elements of " + this + " are not whole blocks of " + blockWeights);
        }
        return Math.multiplyExact(elements / blockWeights, (long) blockBytes);
    }

    /// @return whether elements come in blocks with scales of their own
    public boolean isBlocks() {
        return blockWeights > 1;
    }

    /// @return elements of one block; 1 for plain types
    public int blockWeights() {
        return blockWeights;
    }

    /// @return bytes of one block; those of one element for plain types
    public int blockBytes() {
        return blockBytes;
    }

    /// @return whether values of this type are real numbers
    public boolean isFloating() {
        return switch (this) {
            case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> true;
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, NF4 -> true;
            case I64, I32, I16, U8 -> false;
        };
    }
}
