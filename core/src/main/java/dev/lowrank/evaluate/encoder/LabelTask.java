package dev.lowrank.evaluate.encoder;

import dev.lowrank.text.DataRecords;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Texts, or pairs of texts, with one of two labels.
public enum LabelTask {
    /// Whether a sentence of a film review is positive.
    SST2("sst2", "glue_sst2_dev.jsonl", "text", null, List.of("negative", "positive"), false),
    /// Whether two sentences say the same.
    MRPC("mrpc", "glue_mrpc_test.jsonl", "s1", "s2", List.of("not_equivalent", "equivalent"), true),
    /// Whether a text entails another.
    RTE("rte", "glue_rte_dev.jsonl", "premise", "hypothesis", List.of("entailment", "not_entailment"), false);

    private final String id;
    private final String file;
    private final String first;
    private final @Nullable String second;
    private final List<String> labels;
    private final boolean f1;

    LabelTask(String id, String file, String first, @Nullable String second, List<String> labels, boolean f1) {
        this.id = id;
        this.file = file;
        this.first = first;
        this.second = second;
        this.labels = labels;
        this.f1 = f1;
    }

    /// A text or pair with its label.
    ///
    /// @param second null for a single text
    /// @param label 0 or 1
    public record Example(String first, @Nullable String second, int label) {}

    /// Name on the command line.
    public String id() {
        return id;
    }

    /// Names of the labels, in the order of their numbers.
    public List<String> labels() {
        return labels;
    }

    /// Whether F1 of the second label is reported beside accuracy.
    public boolean reportsF1() {
        return f1;
    }

    /// The examples that are scored.
    ///
    /// @param folder holds the files
    /// @param limit the first so many; 0 for all
    /// @throws dev.lowrank.text.TextException `DATA_*` naming file, line and field
    public List<Example> scored(Path folder, int limit) {
        return read(folder.resolve(file), limit);
    }

    /// The examples that a probe is fitted to.
    ///
    /// @param folder holds the files
    /// @throws dev.lowrank.text.TextException `DATA_*` naming file, line and field
    public List<Example> fitted(Path folder) {
        return read(folder.resolve(trainingFile()), 0);
    }

    /// Name of the file that a probe is fitted to.
    public String trainingFile() {
        return id + "_train.jsonl";
    }

    private List<Example> read(Path path, int limit) {
        return DataRecords.read(path).stream()
                .limit(limit == 0 ? Long.MAX_VALUE : limit)
                .map(Row::new)
                .map(row ->
                        new Example(row.text(first), second == null ? null : row.text(second), row.index("label", 2)))
                .toList();
    }

    /// For each row of a classifier the number of this task's label, if the classifier's labels are this
    /// task's: by name, or `LABEL_0` and `LABEL_1` in order.
    ///
    /// @param names labels of the classifier's rows
    public Optional<int[]> numbers(List<String> names) {
        var known = names.stream()
                .mapToInt(name -> number(name.toLowerCase(Locale.ROOT).replace('-', '_')))
                .toArray();
        return Arrays.equals(Arrays.stream(known).sorted().toArray(), new int[] {0, 1})
                ? Optional.of(known)
                : Optional.empty();
    }

    private int number(String name) {
        return name.startsWith("label_") ? List.of("label_0", "label_1").indexOf(name) : labels.indexOf(name);
    }
}
