package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The records of a data set: a `.jsonl` file, one object a line, or a `.parquet` file as the Hugging Face
/// hub has them.
public final class DataRecords {
    private DataRecords() {}

    /// Reads a file whole.
    ///
    /// @return at least one record
    /// @throws TextException `DATA_*` or `JSON_LIMIT` if it is missing, too large, empty or broken, naming
    ///     the line
    public static List<DataRecord> read(Path path) {
        var name = String.valueOf(path.getFileName());
        var records = name.toLowerCase(Locale.ROOT).endsWith(".parquet") ? ParquetRows.read(path) : lines(name, path);
        if (records.isEmpty()) {
            throw new TextException(Code.DATA_EMPTY, name, "holds no record. Give a file with content.");
        }
        return records;
    }

    private static List<DataRecord> lines(String name, Path path) {
        var records = new ArrayList<DataRecord>();
        JsonLines.read(
                name,
                Utf8File.decode(name, Utf8File.bytes(path)),
                (line, object) -> records.add(new DataRecord(name + " line " + line, Json.toMap(object))));
        return records;
    }
}
