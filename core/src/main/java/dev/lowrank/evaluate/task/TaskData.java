package dev.lowrank.evaluate.task;

import dev.lowrank.evaluate.task.TaskDefinition.Layout;
import dev.lowrank.text.DataRecord;
import dev.lowrank.text.DataRecords;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// A task's records under the names that its prompts use.
///
/// @param records questions
/// @param examples what examples are taken from; empty where there is no file of them
record TaskData(List<DataRecord> records, List<DataRecord> examples) {
    /// Reads what a task needs.
    ///
    /// @param folder where the files are
    /// @param shots examples before each question
    /// @throws TaskException if a file is missing, saying where to get it, or lacks columns
    /// @throws dev.lowrank.text.TextException if a file is broken, naming the line
    static TaskData read(TaskDefinition task, Path folder, int shots) {
        var records = read(task, folder, task.data().file(), task.data().source());
        var file = task.shots().file();
        if (shots == 0 || file == null) {
            return new TaskData(records, List.of());
        }
        var examples = read(task, folder, file, String.valueOf(task.shots().source()));
        var indices = task.shots().indices();
        for (var index : indices) {
            if (index >= examples.size()) {
                throw new TaskException(file + " has " + examples.size() + " records; " + task.name()
                        + " takes its examples from record " + index + " (from 0) too");
            }
        }
        return new TaskData(
                records,
                indices.isEmpty()
                        ? examples
                        : indices.stream().map(examples::get).toList());
    }

    private static List<DataRecord> read(TaskDefinition task, Path folder, String file, String source) {
        var path = folder.resolve(file);
        if (!Files.exists(path)) {
            path = folder.resolve(file.replaceFirst("\\.jsonl$", ".parquet"));
        }
        if (!Files.exists(path)) {
            throw new TaskException("The task " + task.name() + " needs " + file + " (or the same as .parquet) in "
                    + folder + ". Get it from: " + source);
        }
        var raw = DataRecords.read(path);
        var layout = layout(task, raw.getFirst());
        return raw.stream().map(record -> named(task, layout, record)).toList();
    }

    private static Layout layout(TaskDefinition task, DataRecord first) {
        for (var layout : task.layouts()) {
            if (first.fields().keySet().containsAll(layout.needs())) {
                return layout;
            }
        }
        var known = task.layouts().stream()
                .map(layout -> String.join(", ", layout.needs()))
                .collect(Collectors.joining("; or "));
        throw new TaskException(first.where() + " has the columns "
                + String.join(", ", first.fields().keySet()) + ". The task " + task.name() + " needs " + known);
    }

    private static DataRecord named(TaskDefinition task, Layout layout, DataRecord record) {
        var missing = new ArrayList<>(layout.needs());
        missing.removeAll(record.fields().keySet());
        if (!missing.isEmpty()) {
            throw new TaskException(record.where() + " lacks " + String.join(", ", missing) + ", which the task "
                    + task.name() + " needs");
        }
        Map<String, @Nullable Object> fields = new LinkedHashMap<>(record.fields());
        if (layout.preparation() != null) {
            fields = layout.preparation().apply(fields);
        }
        Map<String, @Nullable Object> all = new LinkedHashMap<>(fields);
        for (var field : layout.fields().entrySet()) {
            all.put(field.getKey(), field.getValue().value(fields, record.where()));
        }
        return new DataRecord(record.where(), all);
    }
}
