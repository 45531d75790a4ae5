package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import tools.jackson.databind.node.ObjectNode;

/// The lines of a JSONL text, each an object; blank lines count but hold none.
final class JsonLines {
    private JsonLines() {}

    /// Takes a line.
    interface Reader {
        /// @param line from 1
        void accept(int line, ObjectNode object);
    }

    /// @throws TextException `DATA_RECORD` or `JSON_LIMIT` naming the line that is no such object
    static void read(String name, String content, Reader reader) {
        var line = 0;
        for (var start = 0; start < content.length(); ) {
            var end = content.indexOf('\n', start);
            end = end < 0 ? content.length() : end;
            line++;
            var record = content.substring(start, end);
            if (!record.isBlank()) {
                reader.accept(line, Json.readObject(record, name + " line " + line, Code.DATA_RECORD));
            }
            start = end + 1;
        }
    }
}
