package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Text files, read whole.
final class Utf8File {
    /// The largest file that is read, in bytes.
    static final long MAX_BYTES = 512L << 20;

    private Utf8File() {}

    /// @throws TextException `DATA_FILE` or `DATA_LIMIT` if the file is missing, unreadable or too large
    static byte[] bytes(Path path) {
        var name = String.valueOf(path.getFileName());
        try {
            if (!Files.isRegularFile(path)) {
                throw new TextException(Code.DATA_FILE, name, "no such text file: " + path);
            }
            var size = Files.size(path);
            if (size > MAX_BYTES) {
                throw new TextException(
                        Code.DATA_LIMIT,
                        name,
                        size + " bytes; a text of at most " + MAX_BYTES + " is read. Cut it first.");
            }
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new TextException(Code.DATA_FILE, name, "cannot be read: " + e.getMessage(), e);
        }
    }

    /// @throws TextException `DATA_UTF8` naming the first byte that is not UTF-8
    static String decode(String name, byte[] bytes) {
        var decoder = StandardCharsets.UTF_8.newDecoder();
        var in = ByteBuffer.wrap(bytes);
        var out = CharBuffer.allocate(bytes.length);
        var result = decoder.decode(in, out, true);
        if (result.isError()) {
            var line = 1;
            for (var i = 0; i < in.position(); i++) {
                line += bytes[i] == '\n' ? 1 : 0;
            }
            throw new TextException(
                    Code.DATA_UTF8,
                    name,
                    String.format(
                            Locale.ROOT,
                            "byte 0x%02x at offset %d (line %d) is not UTF-8. Convert the file to UTF-8.",
                            bytes[in.position()],
                            in.position(),
                            line));
        }
        return out.flip().toString();
    }
}
