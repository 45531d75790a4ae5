package dev.lowrank.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The keys and values of a GGUF file that is to be written, in their order; a key that is set again keeps
/// its place.
public final class GgufKeys {
    private static final int MAX_KEY = 65_535;

    private final Map<String, GgufValue> values = new LinkedHashMap<>();

    /// No keys.
    public GgufKeys() {}

    /// All keys of another file, with their types.
    ///
    /// @param metadata of a file that is open
    public static GgufKeys of(GgufMetadata metadata) {
        var keys = new GgufKeys();
        for (var key : metadata.keys()) {
            var value = metadata.value(key);
            if (value != null) {
                keys.values.put(key, value);
            }
        }
        return keys;
    }

    /// @return whether the key is set
    public boolean has(String key) {
        return values.containsKey(key);
    }

    /// Removes a key.
    public GgufKeys without(String key) {
        values.remove(key);
        return this;
    }

    /// Sets a text.
    public GgufKeys text(String key, String value) {
        return put(key, GgufValue.Kind.STRING, null, value);
    }

    /// Sets a number from 0 to 2^32 − 1, as U32.
    public GgufKeys u32(String key, long value) {
        if (value < 0 || value > 0xFFFFFFFFL) {
            throw new IllegalArgumentException(key + " = " + value + " is no 32-bit number");
        }
        return put(key, GgufValue.Kind.U32, null, value);
    }

    /// Sets a number as F32.
    public GgufKeys f32(String key, double value) {
        return put(key, GgufValue.Kind.F32, null, (double) (float) value);
    }

    /// Sets a truth value.
    public GgufKeys bool(String key, boolean value) {
        return put(key, GgufValue.Kind.BOOL, null, value);
    }

    /// Sets texts; copied.
    public GgufKeys texts(String key, List<String> value) {
        return put(key, GgufValue.Kind.ARRAY, GgufValue.Kind.STRING, List.copyOf(value));
    }

    /// Sets whole numbers as I32; copied.
    public GgufKeys ints(String key, int... value) {
        return put(
                key,
                GgufValue.Kind.ARRAY,
                GgufValue.Kind.I32,
                Arrays.stream(value).asLongStream().toArray());
    }

    /// Sets numbers as F32; copied.
    public GgufKeys floats(String key, float... value) {
        return put(key, GgufValue.Kind.ARRAY, GgufValue.Kind.F32, value.clone());
    }

    private GgufKeys put(String key, GgufValue.Kind kind, GgufValue.@Nullable Kind element, Object content) {
        if (key.isEmpty() || key.getBytes(StandardCharsets.UTF_8).length > MAX_KEY) {
            throw new IllegalArgumentException("Not a key of GGUF: " + Printable.escape(key));
        }
        values.put(key, new GgufValue(kind, element, content));
        return this;
    }

    int count() {
        return values.size();
    }

    /// As the file has them, one after the other.
    byte[] toBytes() {
        var out = new Bytes();
        values.forEach((key, value) -> {
            out.text(key);
            out.int32(value.kind().ordinal());
            var element = value.element();
            if (element == null) {
                out.scalar(value.kind(), value.content());
            } else {
                out.int32(element.ordinal());
                out.array(element, value.content());
            }
        });
        return out.toByteArray();
    }

    /// Little-endian bytes.
    static final class Bytes {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();
        private final ByteBuffer number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

        void whole(int bytes, long value) {
            number.putLong(0, value);
            out.write(number.array(), 0, bytes);
        }

        void int32(int value) {
            whole(4, value);
        }

        void int64(long value) {
            whole(8, value);
        }

        void text(String text) {
            var utf8 = text.getBytes(StandardCharsets.UTF_8);
            int64(utf8.length);
            out.writeBytes(utf8);
        }

        void scalar(GgufValue.Kind kind, Object value) {
            switch (kind) {
                case F32 -> int32(Float.floatToRawIntBits(((Double) value).floatValue()));
                case F64 -> int64(Double.doubleToRawLongBits((Double) value));
                case BOOL -> whole(1, (Boolean) value ? 1 : 0);
                case STRING -> text((String) value);
                case U8, I8, U16, I16, U32, I32, U64, I64 -> whole(kind.smallest(), (Long) value);
                case ARRAY -> throw new IllegalStateException("Arrays are written elsewhere");
            }
        }

        private void array(GgufValue.Kind element, Object content) {
            switch (content) {
                case long[] values -> {
                    int64(values.length);
                    for (var value : values) {
                        whole(element.smallest(), value);
                    }
                }
                case float[] values -> {
                    int64(values.length);
                    for (var value : values) {
                        int32(Float.floatToRawIntBits(value));
                    }
                }
                case double[] values -> {
                    int64(values.length);
                    for (var value : values) {
                        int64(Double.doubleToRawLongBits(value));
                    }
                }
                case boolean[] values -> {
                    int64(values.length);
                    for (var value : values) {
                        whole(1, value ? 1 : 0);
                    }
                }
                case List<?> texts -> {
                    int64(texts.size());
                    texts.forEach(text -> text((String) text));
                }
                default -> throw new IllegalStateException("Not an array: " + content.getClass());
            }
        }

        int size() {
            return out.size();
        }

        void bytes(byte[] bytes) {
            out.writeBytes(bytes);
        }

        byte[] toByteArray() {
            return out.toByteArray();
        }
    }
}
