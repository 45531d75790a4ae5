package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// One text, read whole: a `.jsonl` file is its `text` fields (or its sentence pairs `s1`, `s2`) joined by
/// two newlines, any other file is its content as it stands (line ends and a byte order mark included).
public final class Corpus {
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
        return of(String.valueOf(path.getFileName()), Utf8File.bytes(path));
    }

    /// @param name file name; an ending of `.jsonl` decides how the bytes are read
    /// @param bytes the file's content
    /// @return the text
    /// @throws TextException as [#read(Path)]
    public static Corpus of(String name, byte[] bytes) {
        var content = Utf8File.decode(name, bytes);
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

    private static String joinRecords(String name, String content) {
        var joined = new StringJoiner("\n\n");
        JsonLines.read(name, content, (line, record) -> joined.add(textField(name, line, record)));
        return joined.toString();
    }

    private static String textField(String name, int line, ObjectNode record) {
        if (!record.has("text") && record.has("s1") && record.has("s2")) {
            return text(name, line, record.get("s1")) + "\n\n" + text(name, line, record.get("s2"));
        }
        return text(name, line, record.get("text"));
    }

    private static String text(String name, int line, @Nullable JsonNode field) {
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
