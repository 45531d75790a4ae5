package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// The records of a `.jsonl` file: one JSON object a line, blank lines left out.
public final class Records {
    private Records() {}

    /// One record.
    ///
    /// @param file name of its file, for messages
    /// @param line from 1
    /// @param fields its content
    public record Line(String file, int line, ObjectNode fields) {
        /// A field that must be a text.
        ///
        /// @throws TextException `DATA_RECORD` naming file, line and field
        public String text(String field) {
            var value = fields.get(field);
            if (value == null || !value.isString()) {
                throw fault(field, "a text");
            }
            var text = value.stringValue();
            if (Surrogates.firstUnpaired(text) >= 0) {
                throw new TextException(
                        Code.DATA_UTF8, file, "line " + line + " holds half a surrogate pair; no UTF-8 can say that.");
            }
            return text;
        }

        /// A field that must be a finite number.
        ///
        /// @throws TextException likewise
        public double number(String field) {
            var value = fields.get(field);
            if (value == null || !value.isNumber() || !Double.isFinite(value.doubleValue())) {
                throw fault(field, "a number");
            }
            return value.doubleValue();
        }

        /// A field that must be a whole number in a range.
        ///
        /// @param count it is from 0 to below this
        /// @throws TextException likewise
        public int index(String field, int count) {
            var value = fields.get(field);
            if (value == null || !value.isInt() || value.intValue() < 0 || value.intValue() >= count) {
                throw fault(field, "a whole number from 0 to " + (count - 1));
            }
            return value.intValue();
        }

        private TextException fault(String field, String expected) {
            var value = fields.get(field);
            return new TextException(
                    Code.DATA_RECORD,
                    file,
                    "line " + line + " has " + (value == null ? "no `" + field + "`" : "`" + field + "` = " + value)
                            + "; expected " + expected + ". The fields there are " + fields.propertyNames() + ".");
        }
    }

    /// Reads a file.
    ///
    /// @param limit how many records at most, from the first on; 0 for all
    /// @throws TextException `DATA_*` or `JSON_LIMIT` if it cannot be read, is not UTF-8, holds no record
    ///     or
    ///     a broken line
    public static List<Line> read(Path path, int limit) {
        var name = String.valueOf(path.getFileName());
        var lines = new ArrayList<Line>();
        var number = 0;
        for (var line : content(path, name).split("\n", -1)) {
            number++;
            if (!line.isBlank() && (limit == 0 || lines.size() < limit)) {
                var where = name + " line " + number;
                lines.add(new Line(name, number, Json.readObject(line, where, Code.DATA_RECORD)));
            }
        }
        if (lines.isEmpty()) {
            throw new TextException(Code.DATA_EMPTY, name, "holds no record. Give a file with one JSON object a line.");
        }
        return lines;
    }

    private static String content(Path path, String name) {
        if (!Files.isRegularFile(path)) {
            throw new TextException(Code.DATA_FILE, name, "no such file: " + path);
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(Files.readAllBytes(path)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new TextException(Code.DATA_UTF8, name, "is not UTF-8. Convert the file to UTF-8.", e);
        } catch (IOException e) {
            throw new TextException(Code.DATA_FILE, name, "cannot be read: " + e.getMessage(), e);
        }
    }
}
