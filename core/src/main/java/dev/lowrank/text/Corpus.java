package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/// One text, read whole: a `.jsonl` file is its `text` fields joined by two newlines, any other file is its
/// content as it
/// stands (line ends and a byte order mark included).
public final class Corpus {
    /// The largest file that is read, in bytes.
    public static final long MAX_BYTES = 512L << 20;

    private final String name;
    private final String sha256;
    private final String text;

    private Corpus(String name, String sha256, String text) {
        this.name = name;
        this.sha256 = sha256;
        this.text = text;
    }

    /// @param path a UTF-8 text or a `.jsonl` file
    /// @return the text
    /// @throws TextException `DATA_*` if the file is missing, too large, empty, not UTF-8, or a line is not
    ///     such a
    /// record
    public static Corpus read(Path path) {
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
            return of(name, Files.readAllBytes(path));
        } catch (IOException e) {
            throw new TextException(Code.DATA_FILE, name, "cannot be read: " + e.getMessage(), e);
        }
    }

    /// @param name file name; an ending of `.jsonl` decides how the bytes are read
    /// @param bytes the file's content
    /// @return the text
    /// @throws TextException as [#read(Path)]
    public static Corpus of(String name, byte[] bytes) {
        var content = decode(name, bytes);
        var text = name.toLowerCase(Locale.ROOT).endsWith(".jsonl") ? joinRecords(name, content) : content;
        if (text.isBlank()) {
            throw new TextException(Code.DATA_EMPTY, name, "holds no text. Give a file with content.");
        }
        return new Corpus(name, sha256(bytes), text);
    }

    /// @return file name without folders
    public String name() {
        return name;
    }

    /// @return hash of the file's bytes, 64 hexadecimal digits
    public String sha256() {
        return sha256;
    }

    /// @return the whole text
    public String text() {
        return text;
    }

    private static String decode(String name, byte[] bytes) {
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

    private static String joinRecords(String name, String content) {
        var joined = new StringBuilder(content.length());
        var line = 0;
        var records = 0;
        for (var start = 0; start < content.length(); ) {
            var end = content.indexOf('\n', start);
            end = end < 0 ? content.length() : end;
            line++;
            var record = content.substring(start, end);
            if (!record.isBlank()) {
                joined.append(records++ == 0 ? "" : "\n\n").append(textField(name, line, record));
            }
            start = end + 1;
        }
        return joined.toString();
    }

    private static String textField(String name, int line, String record) {
        var where = name + " line " + line;
        JsonNode field = Json.readObject(record, where, Code.DATA_RECORD).get("text");
        if (field == null || !field.isString()) {
            var found = field == null ? "no `text` field" : "a `text` field of type " + field.getNodeType();
            throw new TextException(
                    Code.DATA_RECORD, name, "line " + line + " has " + found + "; each line needs a `text` string.");
        }
        var text = field.stringValue();
        if (Surrogates.firstUnpaired(text) >= 0) {
            throw new TextException(
                    Code.DATA_UTF8, name, "line " + line + " holds half a surrogate pair; no UTF-8 can say that.");
        }
        return text;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java runtime has SHA-256", e);
        }
    }
}
