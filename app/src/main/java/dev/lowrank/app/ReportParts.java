package dev.lowrank.app;

import dev.lowrank.app.report.Budget;
import dev.lowrank.app.report.Budget.Reference;
import dev.lowrank.app.report.Report.Cell;
import dev.lowrank.app.report.Report.Site;
import dev.lowrank.app.report.Report.Spectrum;
import dev.lowrank.compress.CompressionPlan;
import dev.lowrank.compress.SiteFindings;
import dev.lowrank.compress.SitePlan;
import dev.lowrank.compress.SiteReport;
import dev.lowrank.compress.allocate.Budget.Share;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.evaluate.Perplexity;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LinearSite;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What the pages of several commands have in common.
final class ReportParts {
    /// What stands under every perplexity.
    static final String PROTOCOL = "Perplexity: " + Perplexity.PROTOCOL
            + "; ± is the standard error over windows. Of two models on the same windows the difference is known better"
            + " than either figure.";

    private ReportParts() {}

    /// What became of the targets.
    static List<Site> sites(CompressionPlan plan, List<SiteReport> reports) {
        var targets = plan.targets().stream()
                .map(SitePlan::site)
                .collect(Collectors.toMap(LinearSite::name, Function.identity(), (a, b) -> a, LinkedHashMap::new));
        return reports.stream()
                .map(report -> site(Objects.requireNonNull(targets.get(report.name())), report))
                .toList();
    }

    /// What became of a target.
    static Site site(LinearSite site, SiteReport report) {
        return new Site(
                site.name(),
                site.layer(),
                site.role().id(),
                site.out(),
                site.in(),
                report.form(),
                report.rank(),
                (double) report.parameters() / site.weightParameters(),
                report.error(),
                notes(report));
    }

    /// What there is to say of a site, first the types of its parts where it is stored in blocks.
    private static List<String> notes(SiteReport report) {
        var rounding = report.rounding();
        var stored = rounding == null
                ? Stream.<String>empty()
                : Stream.of(rounding.types().entrySet().stream()
                        .map(part -> part.getKey() + " in " + part.getValue())
                        .collect(Collectors.joining(", ")));
        return Stream.concat(stored, report.notes().stream()).toList();
    }

    /// The spectra, with the ranks that were chosen.
    static List<Spectrum> spectra(CompressionPlan plan, SiteFindings findings, Map<String, Integer> ranks) {
        var sites = plan.targets().stream()
                .map(SitePlan::site)
                .collect(Collectors.toMap(LinearSite::name, Function.identity()));
        return findings.spectra().stream()
                .map(spectrum -> {
                    var site = Objects.requireNonNull(sites.get(spectrum.site()));
                    return new Spectrum(
                            site.name(),
                            site.layer(),
                            site.role().id(),
                            ranks.get(site.name()),
                            spectrum.ranks(),
                            rounded(spectrum.tails()));
                })
                .toList();
    }

    /// To the digits that a plot shows.
    private static double[] rounded(double[] values) {
        var result = new double[values.length];
        for (var i = 0; i < values.length; i++) {
            result[i] = Math.round(values[i] * 1e4) / 1e4;
        }
        return result;
    }

    /// Whether a site does not stay as it is.
    static boolean cut(String form) {
        return !form.equals(StorageForm.DENSE.id());
    }

    /// The section in which a reader spends another budget; null where there are no curves.
    ///
    /// @param keptShare what the ranks keep
    static @Nullable Budget budget(
            DecoderSpec spec,
            CompressionPlan plan,
            SiteFindings findings,
            double keptShare,
            List<String> respend,
            @Nullable Reference reference) {
        var curves = findings.curves();
        if (curves == null) {
            return null;
        }
        var keep = plan.recipe().budget() instanceof Share share
                ? share.keep().kept()
                : Math.min(1, Math.ceil(keptShare * 1e4) / 1e4);
        return Budget.of(curves, keep, rest(spec, plan), respend, reference);
    }

    /// What the model has besides the targets. A decoded token reads one row of a table, all of the others.
    private static Budget.Rest rest(DecoderSpec spec, CompressionPlan plan) {
        var element = plan.restType().bytes();
        var bytes = plan.restParameters() * element
                + plan.others().stream().mapToLong(SitePlan::weightBytes).sum();
        var tables = spec.tied() ? 0L : (long) spec.vocabSize() * spec.hiddenSize();
        if (spec.positions() instanceof DecoderSpec.Positions.Learned) {
            tables += (long) spec.maxPositions() * spec.hiddenSize();
        }
        var parameters = plan.restParameters()
                + plan.others().stream().mapToLong(SitePlan::parametersAfter).sum();
        return new Budget.Rest(parameters, bytes, bytes - tables * element);
    }

    /// A perplexity with its standard error.
    static Cell perplexity(Measurement.TextFigure figure) {
        return new Cell(
                Figures.perplexity(figure.value()), figure.error() == null ? "" : Figures.perplexity(figure.error()));
    }

    /// A figure of a task with its standard error.
    static Cell task(TaskMeasurement.TaskFigure figure) {
        var error = figure.standardError();
        return new Cell(Figures.decimal(figure.value(), 4), error == null ? "" : Figures.decimal(error, 4));
    }

    /// A text without its folder.
    static String textName(String text) {
        return String.valueOf(Path.of(text).getFileName());
    }

    /// What a figure was measured on.
    static String windows(Measurement.TextFigure figure) {
        return figure.windows() + " windows of " + figure.window() + " tokens";
    }
}
