package dev.lowrank.app;

import dev.lowrank.app.report.Budget.Reference;
import dev.lowrank.app.report.Page;
import dev.lowrank.app.report.Report;
import dev.lowrank.app.report.Report.Figure;
import dev.lowrank.app.report.Report.Site;
import dev.lowrank.compress.MeasuredPlan;
import dev.lowrank.compress.ShellWords;
import dev.lowrank.compress.SitePlan;
import dev.lowrank.model.LanguageModel;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The page of a plan whose ranks were measured, before anything is compressed.
///
/// @param source the model
/// @param dense its perplexity; null where it was not measured
record PlanPage(LanguageModel source, Measurement.@Nullable TextFigure dense) {
    /// The page.
    byte[] of(MeasuredPlan measured) {
        return Page.of(report(measured));
    }

    private Report report(MeasuredPlan measured) {
        var plan = measured.plan();
        var ranks = plan.targets().stream()
                .filter(target -> !target.keptDense())
                .collect(Collectors.toMap(target -> target.site().name(), SitePlan::rank));
        var reference = dense == null ? null : new Reference(ReportParts.textName(dense.text()), dense.value(), null);
        var budget = ReportParts.budget(
                source.spec(), plan, measured.findings(), measured.keptShare(), measured.respend(), reference);
        var named = String.valueOf(source.checkpoint().path().getFileName());
        var lead = String.format(
                Locale.ROOT,
                "What %s by %s would make of it, from curves that were measured on calibration text. Nothing is compressed"
                        + " yet.",
                plan.recipe().name(),
                plan.recipe().spender());
        return new Report(
                "plan",
                named,
                lead,
                Version.lowrank(),
                ShellWords.line(measured.command()),
                figures(measured),
                null,
                null,
                budget,
                budget == null ? sites(measured) : List.of(), // the section of budgets has its own map of ranks
                ReportParts.spectra(plan, measured.findings(), ranks),
                null,
                List.of(),
                Stream.concat(Stream.of(plan.shares().words()), measured.notes().stream())
                        .toList(),
                CompressPage.shown(measured.run()));
    }

    private static List<Figure> figures(MeasuredPlan measured) {
        var plan = measured.plan();
        return List.of(
                new Figure(
                        "Bytes of weights",
                        Figures.bytes(plan.bytesAfter()),
                        Figures.bytes(plan.bytesDense()) + " dense in the same types"),
                new Figure(
                        "Parameters",
                        Figures.count(plan.parametersAfter()),
                        Figures.count(plan.parametersBefore()) + " before"),
                new Figure("Memory to make it", Figures.bytes(plan.need().memoryBytes()), "estimated"),
                new Figure("Disk to make it", Figures.bytes(plan.need().diskBytes()), "estimated"));
    }

    private static List<Site> sites(MeasuredPlan measured) {
        return measured.plan().targets().stream()
                .map(target -> new Site(
                        target.site().name(),
                        target.site().layer(),
                        target.site().role().id(),
                        target.site().out(),
                        target.site().in(),
                        target.form(),
                        target.rank(),
                        (double) target.parametersAfter() / target.parametersBefore(),
                        null,
                        List.of()))
                .toList();
    }
}
