package dev.lowrank.app;

import dev.lowrank.app.report.Page;
import dev.lowrank.app.report.Report;
import dev.lowrank.app.report.Report.Cell;
import dev.lowrank.app.report.Report.Column;
import dev.lowrank.app.report.Report.Figure;
import dev.lowrank.app.report.Report.Grid;
import dev.lowrank.app.report.Trade;
import dev.lowrank.app.report.Trade.Configuration;
import dev.lowrank.app.report.Trade.Measure;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// The page of a comparison.
final class ComparePage {
    private final Comparison found;

    private ComparePage(Comparison found) {
        this.found = found;
    }

    /// The page.
    ///
    /// @param model the original
    /// @param command as it was given
    static byte[] of(Path model, Comparison found, String command) {
        return Page.of(new ComparePage(found).report(String.valueOf(model.getFileName()), command));
    }

    private Report report(String model, String command) {
        var rows = found.rows().size();
        return new Report(
                "compare",
                model,
                rows + (rows == 1 ? " model" : " models") + " beside it, measured alike. Best: " + found.rule() + ".",
                Version.lowrank(),
                command,
                figures(),
                results(),
                trade(),
                null,
                List.of(),
                List.of(),
                null,
                found.warnings(),
                List.of(),
                null);
    }

    private List<Figure> figures() {
        var best = found.winner();
        var text = best.perplexity().getFirst();
        var dense = found.dense();
        return List.of(
                new Figure(
                        "Best", name(best), best.storage().equals("-") ? "" : best.allocator() + ", " + best.storage()),
                new Figure(
                        "Its perplexity, " + ReportParts.textName(text.text()),
                        Figures.perplexity(text.value()),
                        Figures.perplexity(dense.perplexity().getFirst().value()) + " dense"),
                new Figure(
                        "Its bytes of weights", Figures.bytes(best.bytes()), Figures.bytes(dense.bytes()) + " dense"));
    }

    /// The name of a row without folders, with the share that it keeps.
    private static String name(Comparison.Row row) {
        var made = !row.storage().equals("-");
        var name = made ? row.method() : ReportParts.textName(row.method());
        return made && row.keep() != null ? name + " " + row.keep() : name;
    }

    private static List<TaskMeasurement.TaskFigure> tasks(Comparison.Row row) {
        return row.tasks() == null ? List.of() : row.tasks();
    }

    private Grid results() {
        var columns = new ArrayList<>(List.of(
                Column.words("model"),
                Column.words("ranks"),
                Column.words("storage"),
                Column.numbers("kept", "of the linears"),
                Column.numbers("parameters", ""),
                Column.numbers("bytes", "of weights")));
        var budget = found.budget();
        if (budget != null) {
            columns.add(Column.words("fits " + Figures.bytes(budget)));
            columns.add(Column.words("front"));
        }
        var legend = new ArrayList<String>();
        for (var figure : found.dense().perplexity()) {
            columns.add(Column.numbers("perplexity", ReportParts.textName(figure.text())));
            legend.add(ReportParts.textName(figure.text()) + ": " + ReportParts.windows(figure) + ".");
        }
        legend.add(ReportParts.PROTOCOL);
        for (var figure : tasks(found.dense())) {
            columns.add(Column.numbers(figure.metric(), figure.of()));
        }
        if (budget != null) {
            legend.add(
                    "Front: no other row is at least as good in bytes, perplexity on the first text and decode speed,"
                            + " where that was measured, and better in one.");
        }
        if (!tasks(found.dense()).isEmpty()) {
            legend.add("Tasks: by the rules of lm-evaluation-harness; ± is the standard error over documents.");
        }
        var speed = found.dense().speed();
        if (speed != null) {
            columns.add(Column.numbers("prefill", "tokens/s"));
            columns.add(Column.numbers("decode", "tokens/s"));
            legend.add("Speed: a prompt of " + speed.promptTokens() + " tokens, then " + speed.decodeTokens()
                    + " decoded one by one, on this machine.");
        }
        var rows = new ArrayList<Report.Row>();
        rows.add(row(found.dense(), ""));
        for (var i = 0; i < found.rows().size(); i++) {
            rows.add(row(found.rows().get(i), i == found.best() ? "best" : ""));
        }
        return new Grid(columns, rows, legend);
    }

    private static Report.Row row(Comparison.Row row, String mark) {
        var cells = new ArrayList<>(List.of(
                Cell.of(name(row)),
                Cell.of(row.allocator()),
                Cell.of(row.storage()),
                Cell.of(row.keptTarget() == null ? "-" : Figures.decimal(row.keptTarget(), 3)),
                Cell.of(Figures.count(row.parameters())),
                Cell.of(Figures.bytes(row.bytes()))));
        Stream.of(row.fits(), row.front())
                .filter(Objects::nonNull)
                .forEach(holds -> cells.add(Cell.of(holds ? "yes" : "no")));
        row.perplexity().forEach(figure -> cells.add(ReportParts.perplexity(figure)));
        tasks(row).forEach(figure -> cells.add(ReportParts.task(figure)));
        var speed = row.speed();
        if (speed != null) {
            cells.add(Cell.of(Figures.decimal(speed.prefill(), 0)));
            cells.add(Cell.of(Figures.decimal(speed.decode(), 0)));
        }
        return new Report.Row(cells, mark);
    }

    private Trade trade() {
        var measures = new ArrayList<>(List.of(Measure.cost("bytes", "bytes of weights", "bytes")));
        var texts = found.dense().perplexity();
        for (var i = 0; i < texts.size(); i++) {
            measures.add(Measure.cost(
                    "perplexity " + i,
                    "perplexity, " + ReportParts.textName(texts.get(i).text()),
                    ""));
        }
        var tasks = tasks(found.dense());
        for (var i = 0; i < tasks.size(); i++) {
            measures.add(Measure.gain(
                    "task " + i, tasks.get(i).metric() + ", " + tasks.get(i).of(), ""));
        }
        if (found.dense().speed() != null) {
            measures.add(Measure.gain("prefill", "prefill, tokens/s", ""));
            measures.add(Measure.gain("decode", "decode, tokens/s", ""));
        }
        return new Trade(
                measures,
                found.all().stream()
                        .map(row -> configuration(row, row.equals(found.dense())))
                        .toList());
    }

    private static Configuration configuration(Comparison.Row row, boolean reference) {
        var values = new LinkedHashMap<String, Double>();
        var errors = new LinkedHashMap<String, Double>();
        values.put("bytes", (double) row.bytes());
        for (var i = 0; i < row.perplexity().size(); i++) {
            var figure = row.perplexity().get(i);
            values.put("perplexity " + i, figure.value());
            if (figure.error() != null) {
                errors.put("perplexity " + i, figure.error());
            }
        }
        var tasks = tasks(row);
        for (var i = 0; i < tasks.size(); i++) {
            var figure = tasks.get(i);
            values.put("task " + i, figure.value());
            if (figure.standardError() != null) {
                errors.put("task " + i, figure.standardError());
            }
        }
        var speed = row.speed();
        if (speed != null) {
            values.put("prefill", speed.prefill());
            values.put("decode", speed.decode());
        }
        // Of one size there are many, which their types tell apart.
        var name = row.front() == null || reference ? name(row) : name(row) + " " + row.storage();
        return new Configuration(name, values, errors, Boolean.TRUE.equals(row.front()), reference, null);
    }
}
