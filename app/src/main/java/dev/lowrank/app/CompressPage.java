package dev.lowrank.app;

import dev.lowrank.app.report.Budget.Reference;
import dev.lowrank.app.report.Page;
import dev.lowrank.app.report.Report;
import dev.lowrank.app.report.Report.Cell;
import dev.lowrank.app.report.Report.Column;
import dev.lowrank.app.report.Report.Figure;
import dev.lowrank.app.report.Report.Grid;
import dev.lowrank.app.report.Report.Row;
import dev.lowrank.compress.CompressionReport;
import dev.lowrank.compress.OutputPage;
import dev.lowrank.compress.OutputRecord;
import dev.lowrank.compress.ShellWords;
import dev.lowrank.compress.SiteReport;
import dev.lowrank.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// The page of a compressed model.
final class CompressPage implements OutputPage {
    private final LanguageModel source;
    private final Function<LanguageModel, @Nullable Checked> check;

    /// A perplexity before and after.
    record Checked(Measurement.TextFigure before, Measurement.TextFigure after) {}

    /// @param check measures the model that is written; null for no measurement
    CompressPage(LanguageModel source, Function<LanguageModel, @Nullable Checked> check) {
        this.source = source;
        this.check = check;
    }

    @Override
    public byte[] of(OutputRecord made) {
        try (var written = made.reopened().get()) {
            return Page.of(report(made, check.apply(written)));
        }
    }

    private Report report(OutputRecord made, @Nullable Checked checked) {
        var report = made.report();
        var ranks = report.sites().stream()
                .filter(site -> ReportParts.cut(site.form()))
                .collect(Collectors.toMap(SiteReport::name, SiteReport::rank));
        return new Report(
                "compress",
                String.valueOf(source.checkpoint().path().getFileName()),
                lead(made),
                Version.lowrank(),
                ShellWords.line(made.command()),
                figures(report, checked),
                results(made, checked),
                null,
                ReportParts.budget(
                        source.spec(),
                        made.plan(),
                        made.findings(),
                        made.keptShare(),
                        made.respend(),
                        reference(report, checked)),
                ReportParts.sites(made.plan(), report.sites()),
                ReportParts.spectra(made.plan(), made.findings(), ranks),
                null,
                report.warnings(),
                notes(report),
                shown(made.run()));
    }

    /// The manifest without what stands on the page anyway.
    static ObjectNode shown(ObjectNode run) {
        var shown = run.deepCopy();
        shown.remove(List.of("sites", "warnings", "allocation"));
        return shown;
    }

    private static String lead(OutputRecord made) {
        var recipe = made.plan().recipe();
        var report = made.report();
        var cut = report.sites().stream()
                .filter(site -> ReportParts.cut(site.form()))
                .count();
        return String.format(
                Locale.ROOT,
                "Compressed by %s (%s), ranks by %s: %d of %d target linears cut, %.1f %% of their numbers kept.",
                report.method(),
                recipe.method().info().title(),
                report.allocator(),
                cut,
                report.sites().size(),
                100 * report.keptTarget());
    }

    private static List<Figure> figures(CompressionReport report, @Nullable Checked checked) {
        var figures = new ArrayList<Figure>();
        if (checked != null) {
            figures.add(new Figure(
                    "Perplexity on " + ReportParts.textName(checked.after().text()),
                    Figures.perplexity(checked.after().value()),
                    Figures.perplexity(checked.before().value()) + " before"));
        }
        figures.add(new Figure(
                "Bytes of weights",
                Figures.bytes(report.bytesAfter()),
                Figures.bytes(report.bytesBefore()) + " before"));
        figures.add(new Figure(
                "Parameters",
                Figures.count(report.parametersAfter()),
                Figures.count(report.parametersBefore()) + " before"));
        figures.add(new Figure(
                "Of the target linears",
                Figures.decimal(100 * report.keptTarget(), 1) + " %",
                "of their numbers kept"));
        return figures;
    }

    private static Grid results(OutputRecord made, @Nullable Checked checked) {
        var report = made.report();
        var rows = new ArrayList<Row>();
        rows.add(row("parameters, whole model", report.parametersBefore(), report.parametersAfter()));
        rows.add(row(
                "parameters, target linears",
                made.plan().targetParametersBefore(),
                report.sites().stream().mapToLong(SiteReport::parameters).sum()));
        rows.add(new Row(
                Stream.of(
                                "bytes of weights",
                                Figures.bytes(report.bytesBefore()),
                                Figures.bytes(report.bytesAfter()),
                                ratio((double) report.bytesBefore(), (double) report.bytesAfter()))
                        .map(Cell::of)
                        .toList(),
                ""));
        var legend = new ArrayList<String>();
        var validated = report.validated();
        if (validated != null) {
            rows.add(measured("perplexity, validation text", validated.before(), validated.after()));
            legend.add(
                    "The validation text bounded the cut, so it looks better than a text that nothing was chosen by.");
        }
        if (checked != null) {
            var after = checked.after();
            rows.add(new Row(
                    List.of(
                            Cell.of("perplexity, " + ReportParts.textName(after.text())),
                            ReportParts.perplexity(checked.before()),
                            ReportParts.perplexity(after),
                            Cell.of(ratio(checked.before().value(), after.value()))),
                    ""));
            legend.add(ReportParts.textName(after.text()) + ": " + ReportParts.windows(after)
                    + ", a text that nothing was chosen by. " + ReportParts.PROTOCOL);
        } else if (validated == null) {
            legend.add("What the compression cost in quality was not measured: give a text that nothing is chosen by"
                    + " with --check, or measure with lowrank evaluate.");
        }
        return new Grid(
                List.of(
                        Column.words(""),
                        Column.numbers("before", ""),
                        Column.numbers("after", ""),
                        Column.numbers("after ÷ before", "")),
                rows,
                legend);
    }

    private static Row row(String name, long before, long after) {
        return new Row(
                Stream.of(name, Figures.count(before), Figures.count(after), ratio((double) before, (double) after))
                        .map(Cell::of)
                        .toList(),
                "");
    }

    private static Row measured(String name, double before, double after) {
        return new Row(
                Stream.of(name, Figures.perplexity(before), Figures.perplexity(after), ratio(before, after))
                        .map(Cell::of)
                        .toList(),
                "");
    }

    private static String ratio(double before, double after) {
        return Figures.decimal(after / before, 3);
    }

    private static @Nullable Reference reference(CompressionReport report, @Nullable Checked checked) {
        if (checked != null) {
            return new Reference(
                    ReportParts.textName(checked.after().text()),
                    checked.before().value(),
                    checked.after().value());
        }
        var validated = report.validated();
        return validated == null ? null : new Reference("the validation text", validated.before(), validated.after());
    }

    private static List<String> notes(CompressionReport report) {
        return Stream.concat(
                        report.windows().given() == 0
                                ? Stream.empty()
                                : Stream.of(report.windows().words()),
                        report.allocation().stream())
                .toList();
    }
}
