package dev.lowrank.generate;

import dev.lowrank.tensor.TensorException;

/// A request cannot be served.
public final class GenerationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// Why.
    public enum Code {
        /// As many requests wait as may.
        QUEUE_FULL,
        /// Its keys and values need more memory than the engine may ever use.
        TOO_LARGE,
        /// The engine is shutting down or broken.
        CLOSED,
        /// The model failed on this request.
        MODEL_FAILED,
        /// Memory ran out on this request.
        OUT_OF_MEMORY
    }

    private final Code code;

    /// @param message what was found and what was expected
    public GenerationException(Code code, String message) {
        super(message);
        this.code = code;
    }

    /// @param cause what the model threw
    private GenerationException(Code code, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    /// What a failure of a model means to the request that it met.
    static GenerationException of(Throwable failure) {
        var memory = failure instanceof OutOfMemoryError
                || failure instanceof TensorException tensor && tensor.outOfMemory();
        return memory
                ? new GenerationException(Code.OUT_OF_MEMORY, "Memory ran out on this request", failure)
                : new GenerationException(Code.MODEL_FAILED, "The model failed on this request: " + failure, failure);
    }

    /// Why.
    public Code code() {
        return code;
    }
}
