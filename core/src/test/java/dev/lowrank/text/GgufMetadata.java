package dev.lowrank.text;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Reads the key-value part of a well-formed GGUF v3 file; for tests of the tokenizers only.
final class GgufMetadata {
    private final ByteBuffer in;

    private GgufMetadata(ByteBuffer in) {
        this.in = in;
    }

    static Map<String, Object> read(Path path) {
        try (var channel = FileChannel.open(path)) {
            var size = Math.min(channel.size(), 64 << 20);
            var map = channel.map(FileChannel.MapMode.READ_ONLY, 0, size).order(ByteOrder.LITTLE_ENDIAN);
            return new GgufMetadata(map).entries();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static GgufVocabulary vocabulary(Path path) {
        var all = read(path);
        var scores = list(all, "scores");
        var types = list(all, "token_type");
        var floats = new float[scores.size()];
        for (var i = 0; i < floats.length; i++) {
            floats[i] = (Float) scores.get(i);
        }
        var model = (String) all.get("tokenizer.ggml.model");
        return new GgufVocabulary(
                model,
                (String) all.getOrDefault("tokenizer.ggml.pre", "default"),
                list(all, "tokens").stream().map(String.class::cast).toList(),
                floats,
                types.stream().mapToInt(Integer.class::cast).toArray(),
                list(all, "merges").stream().map(String.class::cast).toList(),
                id(all, "bos_token_id"),
                id(all, "eos_token_id"),
                id(all, "unknown_token_id"),
                id(all, "padding_token_id"),
                (Boolean) all.getOrDefault("tokenizer.ggml.add_bos_token", model.equals("llama")),
                (String) all.get("tokenizer.chat_template"));
    }

    private static List<?> list(Map<String, Object> all, String key) {
        return (List<?>) all.getOrDefault("tokenizer.ggml." + key, List.of());
    }

    private static int id(Map<String, Object> all, String key) {
        return (Integer) all.getOrDefault("tokenizer.ggml." + key, -1);
    }

    private Map<String, Object> entries() {
        in.position(16);
        var count = in.getLong();
        var entries = new HashMap<String, Object>();
        for (var i = 0; i < count; i++) {
            var key = string();
            entries.put(key, value(in.getInt()));
        }
        return entries;
    }

    private Object value(int type) {
        return switch (type) {
            case 0, 1 -> (int) in.get();
            case 2, 3 -> (int) in.getShort();
            case 4, 5 -> in.getInt();
            case 6 -> in.getFloat();
            case 7 -> in.get() != 0;
            case 8 -> string();
            case 9 -> {
                var element = in.getInt();
                var length = in.getLong();
                var list = new ArrayList<Object>();
                for (var i = 0; i < length; i++) {
                    list.add(value(element));
                }
                yield list;
            }
            case 10, 11 -> in.getLong();
            case 12 -> in.getDouble();
            default -> throw new IllegalStateException("type " + type);
        };
    }

    private String string() {
        var bytes = new byte[Math.toIntExact(in.getLong())];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
