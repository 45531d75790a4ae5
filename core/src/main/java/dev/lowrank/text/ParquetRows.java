package dev.lowrank.text;

import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqStruct;
import dev.hardwood.row.StructAccessor;
import dev.lowrank.text.TextException.Code;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Rows of Parquet files.
final class ParquetRows {
    private ParquetRows() {}

    /// @throws TextException `DATA_FILE` or `DATA_RECORD` if the file is missing, no Parquet, or holds
    ///     values
    ///     that no text has
    static List<DataRecord> read(Path path) {
        var name = String.valueOf(path.getFileName());
        if (!Files.isRegularFile(path)) {
            throw new TextException(Code.DATA_FILE, name, "no such Parquet file: " + path);
        }
        var records = new ArrayList<DataRecord>();
        try (var file = ParquetFileReader.open(InputFile.of(path));
                var rows = file.rowReader()) {
            while (rows.hasNext()) {
                rows.next();
                records.add(new DataRecord(name + " row " + (records.size() + 1), fields(rows)));
            }
        } catch (IOException e) {
            throw new TextException(Code.DATA_FILE, name, "cannot be read as Parquet: " + e.getMessage(), e);
        } catch (TextException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new TextException(
                    Code.DATA_RECORD,
                    name,
                    "breaks off after row " + records.size() + ": " + e.getMessage() + ". Fetch the file anew.",
                    e);
        }
        return records;
    }

    private static Map<String, @Nullable Object> fields(StructAccessor struct) {
        var fields = new LinkedHashMap<String, @Nullable Object>();
        for (var i = 0; i < struct.getFieldCount(); i++) {
            fields.put(struct.getFieldName(i), struct.isNull(i) ? null : value(struct.getValue(i)));
        }
        return fields;
    }

    private static @Nullable Object value(@Nullable Object value) {
        return switch (value) {
            case null -> null;
            case PqStruct struct -> fields(struct);
            case PqList list -> {
                var items = new ArrayList<@Nullable Object>();
                for (var i = 0; i < list.size(); i++) {
                    items.add(list.isNull(i) ? null : value(list.get(i)));
                }
                yield items;
            }
            case Float number -> number.doubleValue();
            case Short number -> number.longValue();
            case Byte number -> number.longValue();
            case byte[] bytes -> new String(bytes, StandardCharsets.UTF_8);
            case String _, Boolean _, Integer _, Long _, Double _ -> value;
            default -> value.toString();
        };
    }
}
