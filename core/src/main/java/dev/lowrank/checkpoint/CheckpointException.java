package dev.lowrank.checkpoint;

import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A checkpoint file or folder that cannot be read or written: what is wrong, in which file, at which byte,
/// at which tensor or key.
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// What went wrong, as a stable code. The prefix names the area: `ST_` safetensors, `GG_` GGUF, `IDX_`
    /// shard index, `CFG_` config.json, `JSON_` any JSON file, `PATH_` a name or link, `NUM_` a value,
    /// `IO_` the file system, `OUT_` an output folder.
    public enum Code {
        ST_TOO_SHORT,
        ST_EMPTY_HEADER,
        ST_HEADER_PAST_EOF,
        ST_HEADER_TOO_LARGE,
        ST_BAD_UTF8,
        ST_BAD_JSON,
        ST_DUPLICATE_NAME,
        ST_BAD_METADATA,
        ST_LIMIT,
        ST_UNKNOWN_DTYPE,
        ST_UNSUPPORTED_DTYPE,
        ST_BAD_SHAPE,
        ST_SIZE_OVERFLOW,
        ST_BAD_OFFSETS,
        ST_OVERLAP,
        ST_HOLE,
        ST_TRAILING_BYTES,
        ST_TRUNCATED,
        ST_SIZE_MISMATCH,
        ST_BIT_ALIGN,
        GG_BAD_MAGIC,
        GG_TRUNCATED,
        GG_VERSION,
        GG_COUNT,
        GG_STRING,
        GG_EMPTY_KEY,
        GG_TYPE,
        GG_ARRAY,
        GG_BOOL,
        GG_DUPLICATE,
        GG_ALIGNMENT,
        GG_DIMS,
        GG_SIZE_OVERFLOW,
        GG_TENSOR_TYPE,
        GG_BLOCK,
        GG_OFFSET,
        GG_HPARAM,
        GG_VOCAB,
        GG_SPLIT,
        IDX_MISMATCH,
        IDX_LIMIT,
        IDX_BAD,
        CFG_MISSING,
        CFG_RANGE,
        CFG_UNSUPPORTED,
        CFG_TENSOR_MISMATCH,
        CFG_PICKLE_REFUSED,
        JSON_BAD,
        JSON_LIMIT,
        PATH_BAD,
        PATH_ESCAPE,
        PATH_LOOP,
        PATH_NOT_REGULAR,
        PATH_CHANGED,
        NUM_NONFINITE,
        NO_WEIGHTS,
        NO_SUCH_TENSOR,
        INCOMPLETE,
        IO_NOT_FOUND,
        IO_FILE_CHANGED,
        IO_FAILED,
        RESUME_FINGERPRINT,
        OUT_EXISTS,
        OUT_LOCKED,
        OUT_NO_SPACE,
        OUT_FAILED,
        OUT_IN_INPUT,
        OUT_INVALID
    }

    private final Code code;
    private final String file;
    private final long byteOffset;
    private final String name;

    /// @param code what went wrong
    /// @param file the file or folder it concerns
    /// @param message what was found, what was expected, what to do
    public CheckpointException(Code code, Path file, String message) {
        this(code, file, -1, "", message, null);
    }

    /// @param code what went wrong
    /// @param file the file or folder it concerns
    /// @param byteOffset where in the file, or -1
    /// @param name tensor, metadata key or config key, or the empty string; escaped and shortened here
    /// @param message what was found, what was expected, what to do
    /// @param cause the error underneath, if any
    public CheckpointException(
            Code code, Path file, long byteOffset, String name, String message, @Nullable Throwable cause) {
        super(message(code, file, byteOffset, name, message), cause);
        this.code = Objects.requireNonNull(code);
        this.file = file.toString();
        this.byteOffset = byteOffset;
        this.name = Printable.escape(name);
    }

    private static String message(Code code, Path file, long byteOffset, String name, String message) {
        var text = new StringBuilder(message).append(" [").append(code).append(", ");
        text.append(Printable.escape(file.toString()));
        if (!name.isEmpty()) {
            text.append(", ").append(Printable.escape(name));
        }
        if (byteOffset >= 0) {
            text.append(", byte ").append(byteOffset);
        }
        return text.append(']').toString();
    }

    /// @return what went wrong
    public Code code() {
        return code;
    }

    /// @return the file or folder it concerns
    public Path file() {
        return Path.of(file);
    }

    /// @return where in the file, or -1
    public long byteOffset() {
        return byteOffset;
    }

    /// @return tensor or key it concerns, escaped, at most 200 characters; empty if none
    public String name() {
        return name;
    }
}
