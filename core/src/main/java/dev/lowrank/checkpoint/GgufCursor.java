package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads the header of a GGUF file in order. Nothing is allocated before the bytes for it are known to be
/// there.
final class GgufCursor {
    private static final long MAX_STRING = 1L << 30;
    private static final long MAX_WINDOW = 1 << 18;
    private static final int MAX_ITEMS = 1 << 24;

    private final StoredFile file;
    private final CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder();
    private final ByteBuffer window;
    private long windowStart;

    GgufCursor(StoredFile file) {
        this.file = file;
        this.window = ByteBuffer.allocate((int) Math.min(MAX_WINDOW, file.size()))
                .order(ByteOrder.LITTLE_ENDIAN)
                .limit(0);
    }

    long position() {
        return windowStart + window.position();
    }

    long left() {
        return file.size() - position();
    }

    int int32(String what) {
        return need(4, what).getInt();
    }

    long int64(String what) {
        return need(8, what).getLong();
    }

    /// A text: length, then UTF-8.
    ///
    /// @param limit most bytes allowed
    String text(long limit, String what) {
        var length = int64(what);
        if (length < 0 || length > Math.min(limit, MAX_STRING) || length > left()) {
            throw error(
                    Code.GG_STRING,
                    what + " claims " + Long.toUnsignedString(length) + " bytes; " + left() + " are left and at most "
                            + limit + " allowed");
        }
        try {
            if (length <= window.capacity()) {
                var bytes = need((int) length, what);
                var slice = bytes.slice(bytes.position(), (int) length);
                bytes.position(bytes.position() + (int) length);
                return utf8.decode(slice).toString();
            }
            var bytes = ByteBuffer.allocate((int) length);
            file.readFully(bytes, position());
            windowStart = position() + length;
            window.limit(0);
            return utf8.decode(bytes.flip()).toString();
        } catch (CharacterCodingException e) {
            throw error(Code.GG_STRING, what + " is not UTF-8");
        }
    }

    GgufValue.Kind kind(String key) {
        var id = int32("The type of " + key);
        var kinds = GgufValue.Kind.values();
        if (id < 0 || id >= kinds.length) {
            throw error(Code.GG_TYPE, "The key " + key + " has the unknown value type " + Integer.toUnsignedString(id));
        }
        return kinds[id];
    }

    GgufValue value(String key) {
        var kind = kind(key);
        if (kind != GgufValue.Kind.ARRAY) {
            return new GgufValue(kind, null, scalar(kind, key));
        }
        var element = kind(key);
        if (element == GgufValue.Kind.ARRAY) {
            throw error(Code.GG_TYPE, "The key " + key + " holds an array of arrays");
        }
        return new GgufValue(kind, element, array(element, key));
    }

    private Object scalar(GgufValue.Kind kind, String key) {
        return switch (kind) {
            case U8, I8, U16, I16, U32, I32, U64, I64 -> whole(kind, key);
            case F32 -> (double) need(4, key).getFloat();
            case F64 -> need(8, key).getDouble();
            case BOOL -> bool(key);
            case STRING -> text(MAX_STRING, key);
            case ARRAY -> throw new IllegalStateException("Arrays are read elsewhere");
        };
    }

    private long whole(GgufValue.Kind kind, String key) {
        var bytes = need(kind.smallest(), key);
        return switch (kind) {
            case U8 -> bytes.get() & 0xFFL;
            case I8 -> bytes.get();
            case U16 -> bytes.getShort() & 0xFFFFL;
            case I16 -> bytes.getShort();
            case U32 -> bytes.getInt() & 0xFFFFFFFFL;
            case I32 -> bytes.getInt();
            case U64, I64 -> bytes.getLong();
            case F32, F64, BOOL, STRING, ARRAY -> throw new IllegalStateException("Not a whole number: " + kind);
        };
    }

    private boolean bool(String key) {
        var value = need(1, key).get();
        if (value != 0 && value != 1) {
            throw error(Code.GG_BOOL, "The key " + key + " has the truth value " + value + "; expected 0 or 1");
        }
        return value == 1;
    }

    private Object array(GgufValue.Kind element, String key) {
        var claimed = int64(key);
        if (claimed < 0 || claimed > MAX_ITEMS || claimed * element.smallest() > left()) {
            throw error(
                    Code.GG_ARRAY,
                    "The array " + key + " claims " + Long.toUnsignedString(claimed) + " items; " + left()
                            + " bytes are left and at most " + MAX_ITEMS + " items allowed");
        }
        var count = (int) claimed;
        return switch (element) {
            case U8, I8, U16, I16, U32, I32, U64, I64 -> wholes(element, count, key);
            case F32 -> {
                var values = new float[count];
                for (var i = 0; i < count; i++) {
                    values[i] = need(4, key).getFloat();
                }
                yield values;
            }
            case F64 -> {
                var values = new double[count];
                for (var i = 0; i < count; i++) {
                    values[i] = need(8, key).getDouble();
                }
                yield values;
            }
            case BOOL -> {
                var values = new boolean[count];
                for (var i = 0; i < count; i++) {
                    values[i] = bool(key);
                }
                yield values;
            }
            case STRING -> texts(count, key);
            case ARRAY -> throw new IllegalStateException("Nested arrays are refused before");
        };
    }

    private long[] wholes(GgufValue.Kind element, int count, String key) {
        var values = new long[count];
        for (var i = 0; i < count; i++) {
            values[i] = whole(element, key);
        }
        return values;
    }

    private List<String> texts(int count, String key) {
        var values = new ArrayList<String>(count);
        for (var i = 0; i < count; i++) {
            values.add(text(MAX_STRING, key));
        }
        return List.copyOf(values);
    }

    /// @return the window, positioned at `count` bytes that are there
    private ByteBuffer need(int count, String what) {
        if (window.remaining() < count) {
            if (left() < count) {
                throw error(Code.GG_TRUNCATED, what + " needs " + count + " bytes but " + left() + " are left");
            }
            windowStart = position();
            window.clear().limit((int) Math.min(window.capacity(), file.size() - windowStart));
            file.readFully(window, windowStart);
            window.flip();
        }
        return window;
    }

    CheckpointException error(Code code, String message) {
        return error(code, "", message, null);
    }

    CheckpointException error(Code code, String name, String message, @Nullable Throwable cause) {
        return new CheckpointException(code, file.path(), position(), name, Printable.line(message), cause);
    }
}
