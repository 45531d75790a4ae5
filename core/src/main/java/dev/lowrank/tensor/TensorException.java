package dev.lowrank.tensor;

/// A native tensor operation was refused. The message names the operation, the operands' shapes and dtypes
/// and the first line of what LibTorch said; the native stack is kept in the cause.
public final class TensorException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String operation;
    private final boolean outOfMemory;

    TensorException(String operation, String message, Throwable cause) {
        super(message, cause);
        this.operation = operation;
        this.outOfMemory = message.contains("allocate memory");
    }

    TensorException(String operation, String message) {
        super(message);
        this.operation = operation;
        this.outOfMemory = false;
    }

    /// @return name of the operation, as in `matmul`
    public String operation() {
        return operation;
    }

    /// @return whether the native allocator could not get the memory asked for
    public boolean outOfMemory() {
        return outOfMemory;
    }
}
