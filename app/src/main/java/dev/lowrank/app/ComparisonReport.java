package dev.lowrank.app;

import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.CostUnit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A comparison as a table for people and as CSV.
final class ComparisonReport {
    private ComparisonReport() {}

    /// One table, the original first, the best row marked.
    static String table(Comparison comparison) {
        var header = new ArrayList<>(List.of("method", "storage", "ranks", "keep", "kept", "parameters", "on disk"));
        for (var figure : comparison.dense().perplexity()) {
            header.add("ppl " + shortName(figure.text()));
        }
        tasks(comparison.dense()).forEach(figure -> header.add(figure.task() + " " + figure.metric()));
        var timed = comparison.dense().speed() != null;
        if (timed) {
            header.addAll(List.of("prefill t/s", "decode t/s"));
        }
        header.addAll(List.of("seconds", ""));
        var table = Table.of(header.toArray(String[]::new));
        table.row(cells(comparison.dense(), mark(comparison.dense(), "before")));
        for (var i = 0; i < comparison.rows().size(); i++) {
            var row = comparison.rows().get(i);
            table.row(cells(row, mark(row, i == comparison.best() ? "best" : "")));
        }
        return table.render();
    }

    private static String mark(Comparison.Row row, String first) {
        return Stream.of(
                        first,
                        Boolean.TRUE.equals(row.front()) ? "front" : "",
                        Boolean.FALSE.equals(row.fits()) ? "too large" : "")
                .filter(word -> !word.isEmpty())
                .collect(Collectors.joining(", "));
    }

    private static String[] cells(Comparison.Row row, String mark) {
        var cells = new ArrayList<>(List.of(
                name(row),
                row.storage(),
                row.allocator(),
                share(row.storage().equals("-") ? null : row.keep(), 2),
                share(row.keptTarget(), 3),
                Figures.count(row.parameters()),
                Figures.bytes(row.bytes())));
        row.perplexity().forEach(figure -> cells.add(Figures.perplexity(figure.value())));
        tasks(row).forEach(figure -> cells.add(figure.text()));
        var speed = row.speed();
        if (speed != null) {
            cells.add(Figures.decimal(speed.prefill(), 0));
            cells.add(Figures.decimal(speed.decode(), 0));
        }
        cells.add(row.seconds() > 0 ? Figures.decimal(row.seconds(), 1) : "-");
        cells.add(mark);
        return cells.toArray(String[]::new);
    }

    private static List<TaskMeasurement.TaskFigure> tasks(Comparison.Row row) {
        return Objects.requireNonNullElse(row.tasks(), List.of());
    }

    /// The method, and what its name does not say of the update.
    private static String name(Comparison.Row row) {
        var own = row.method().equals(CompressionRecipe.OWN);
        return row.method()
                + (own && row.update().equals("none") ? ", no update" : "")
                + (!own && row.update().equals("sequential") ? ", updated" : "");
    }

    private static String share(@Nullable Double value, int decimals) {
        return value == null ? "-" : Figures.decimal(value, decimals);
    }

    /// What the columns of the table mean.
    static String legend(Comparison comparison, @Nullable CostUnit unit) {
        var figure = comparison.dense().perplexity().getFirst();
        var texts = comparison.dense().perplexity().stream()
                .map(text -> shortName(text.text()) + " " + text.windows() + " windows of " + text.window())
                .collect(Collectors.joining(", "));
        var speed = comparison.dense().speed();
        return (unit == null ? "" : "keep: share of the compressed linears' " + unit.id() + " asked for. ")
                + "kept: share of the compressed linears' numbers. ppl: perplexity (" + texts + ").\n"
                + tasks(comparison.dense()).stream()
                        .map(TaskMeasurement.TaskFigure::of)
                        .distinct()
                        .map(task -> "task: " + task + ", ± standard error.\n")
                        .collect(Collectors.joining())
                + (speed == null
                        ? ""
                        : "t/s: tokens a second, prompt of " + speed.promptTokens() + ", then " + speed.decodeTokens()
                                + " decoded one by one.\n")
                + "seconds: calibration and sensitivities (shared), decomposition and writing, each row as if alone.\n"
                + "best: lowest perplexity on " + shortName(figure.text())
                + (comparison.budget() == null ? "" : " of those that fit") + "; among equals the fewest bytes.\n"
                + (comparison.budget() == null ? "" : standing(comparison.budget(), speed != null));
    }

    private static String standing(long budget, boolean timed) {
        return "too large: more than " + Figures.bytes(budget) + " on disk. front: no other row is as good in bytes"
                + (timed ? ", perplexity and decode t/s" : " and perplexity") + " and better in one.\n";
    }

    /// The same as comma-separated values with full precision.
    static String csv(Comparison comparison) {
        var lines = new ArrayList<List<String>>();
        var header = new ArrayList<>(List.of(
                "method",
                "storage",
                "allocator",
                "update",
                "keep",
                "kept_target",
                "kept_model",
                "parameters",
                "bytes"));
        comparison.dense().perplexity().forEach(figure -> header.add("perplexity " + figure.text()));
        for (var figure : tasks(comparison.dense())) {
            header.add(figure.task() + " " + figure.metric());
            header.add(figure.task() + " " + figure.metric() + " stderr");
        }
        header.addAll(List.of("prefill_tokens_per_second", "decode_tokens_per_second", "seconds"));
        if (comparison.budget() != null) {
            header.addAll(List.of("fits", "front"));
        }
        lines.add(values(comparison.dense()));
        comparison.rows().forEach(row -> lines.add(values(row)));
        return Csv.of(header, lines);
    }

    private static List<String> values(Comparison.Row row) {
        var values = new ArrayList<>(List.of(
                row.method(),
                row.storage(),
                row.allocator(),
                row.update(),
                row.keep() == null ? "" : row.keep().toString(),
                row.keptTarget() == null ? "" : row.keptTarget().toString(),
                String.valueOf(row.keptModel()),
                String.valueOf(row.parameters()),
                String.valueOf(row.bytes())));
        row.perplexity().forEach(figure -> values.add(String.valueOf(figure.value())));
        for (var figure : tasks(row)) {
            values.add(String.valueOf(figure.value()));
            values.add(
                    figure.standardError() == null ? "" : figure.standardError().toString());
        }
        var speed = row.speed();
        values.add(speed == null ? "" : String.format(Locale.ROOT, "%.2f", speed.prefill()));
        values.add(speed == null ? "" : String.format(Locale.ROOT, "%.2f", speed.decode()));
        values.add(String.format(Locale.ROOT, "%.3f", row.seconds()));
        Stream.of(row.fits(), row.front())
                .filter(Objects::nonNull)
                .map(String::valueOf)
                .forEach(values::add);
        return values;
    }

    private static String shortName(String text) {
        var name = String.valueOf(Path.of(text).getFileName());
        var dot = name.lastIndexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }
}
