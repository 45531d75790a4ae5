package dev.lowrank.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Short recipes of GGUF files, good and bad: keys and tensors are added in order, then laid out.
final class GgufBytes {
    static final int U8 = 0;
    static final int U32 = 4;
    static final int I32 = 5;
    static final int F32 = 6;
    static final int BOOL = 7;
    static final int STRING = 8;
    static final int ARRAY = 9;

    private final List<byte[]> pairs = new ArrayList<>();
    private final List<byte[]> tensors = new ArrayList<>();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private int alignment = 32;

    /// The smallest llama: one block, width 4, two heads, one key head.
    static GgufBytes llama() {
        return new GgufBytes()
                .text("general.architecture", "llama")
                .u32("llama.block_count", 1)
                .u32("llama.context_length", 16)
                .u32("llama.embedding_length", 8)
                .u32("llama.feed_forward_length", 12)
                .u32("llama.attention.head_count", 2)
                .u32("llama.attention.head_count_kv", 1)
                .f32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .f32("llama.rope.freq_base", 500_000);
    }

    static byte[] header(int version, long tensors, long pairs) {
        return done(
                bytes(24).putInt(0x46554747).putInt(version).putLong(tensors).putLong(pairs));
    }

    static ByteBuffer bytes(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] done(ByteBuffer buffer) {
        var all = new byte[buffer.position()];
        buffer.flip().get(all);
        return all;
    }

    static byte[] text(String text) {
        var utf8 = text.getBytes(StandardCharsets.UTF_8);
        return done(bytes(8 + utf8.length).putLong(utf8.length).put(utf8));
    }

    static byte[] join(byte[]... parts) {
        var out = new ByteArrayOutputStream();
        for (var part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    static byte[] u32(int value) {
        return done(bytes(4).putInt(value));
    }

    static byte[] u64(long value) {
        return done(bytes(8).putLong(value));
    }

    GgufBytes pair(String key, int type, byte[] value) {
        pairs.add(join(text(key), u32(type), value));
        return this;
    }

    GgufBytes raw(byte[] pair) {
        pairs.add(pair);
        return this;
    }

    GgufBytes text(String key, String value) {
        return pair(key, STRING, text(value));
    }

    GgufBytes u32(String key, int value) {
        return pair(key, U32, u32(value));
    }

    GgufBytes f32(String key, float value) {
        return pair(key, F32, done(bytes(4).putFloat(value)));
    }

    GgufBytes alignment(int value) {
        alignment = value;
        return u32("general.alignment", value);
    }

    GgufBytes texts(String key, String... values) {
        var parts = new ArrayList<byte[]>(List.of(u32(STRING), u64(values.length)));
        for (var value : values) {
            parts.add(text(value));
        }
        return pair(key, ARRAY, join(parts.toArray(byte[][]::new)));
    }

    GgufBytes ints(String key, int... values) {
        var buffer = bytes(12 + 4 * values.length).putInt(I32).putLong(values.length);
        for (var value : values) {
            buffer.putInt(value);
        }
        return pair(key, ARRAY, done(buffer));
    }

    GgufBytes floats(String key, float... values) {
        var buffer = bytes(12 + 4 * values.length).putInt(F32).putLong(values.length);
        for (var value : values) {
            buffer.putFloat(value);
        }
        return pair(key, ARRAY, done(buffer));
    }

    /// A tensor where the format wants it; sizes innermost first, as in the file.
    GgufBytes tensor(String name, int type, byte[] content, long... sizes) {
        var offset = data.size();
        describe(name, type, offset, sizes);
        data.writeBytes(content);
        data.writeBytes(new byte[Math.floorMod(-data.size(), alignment)]);
        return this;
    }

    GgufBytes tensor(String name, float[] values, long... sizes) {
        var buffer = bytes(4 * values.length);
        for (var value : values) {
            buffer.putFloat(value);
        }
        return tensor(name, 0, done(buffer), sizes);
    }

    /// A description alone.
    GgufBytes describe(String name, int type, long offset, long... sizes) {
        var parts = new ArrayList<byte[]>(List.of(text(name), u32(sizes.length)));
        for (var size : sizes) {
            parts.add(u64(size));
        }
        parts.add(u32(type));
        parts.add(u64(offset));
        tensors.add(join(parts.toArray(byte[][]::new)));
        return this;
    }

    GgufBytes rawTensor(byte[] description) {
        tensors.add(description);
        return this;
    }

    byte[] build() {
        return build(3);
    }

    byte[] build(int version) {
        var out = new ByteArrayOutputStream();
        out.writeBytes(header(version, tensors.size(), pairs.size()));
        pairs.forEach(out::writeBytes);
        tensors.forEach(out::writeBytes);
        out.writeBytes(new byte[Math.floorMod(-out.size(), alignment)]);
        out.writeBytes(data.toByteArray());
        return out.toByteArray();
    }
}
