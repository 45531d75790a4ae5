package dev.lowrank.text;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One record of a data set.
///
/// @param where file and line (JSONL) or row (Parquet) from 1, for messages
/// @param fields by column: null, strings, booleans, whole numbers, doubles, lists and maps of them
public record DataRecord(String where, Map<String, @Nullable Object> fields) {
    public DataRecord {
        fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    }
}
