package dev.lowrank.app;

import dev.lowrank.app.report.Page;
import dev.lowrank.app.report.Report;
import dev.lowrank.app.report.Report.Cell;
import dev.lowrank.app.report.Report.Column;
import dev.lowrank.app.report.Report.Figure;
import dev.lowrank.app.report.Report.Grid;
import dev.lowrank.app.report.Report.Row;
import dev.lowrank.app.report.Report.Site;
import dev.lowrank.app.report.Report.Training;
import dev.lowrank.compress.SiteReport;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.recover.Goal;
import dev.lowrank.recover.RecoveryPage;
import dev.lowrank.recover.RecoveryReport;
import dev.lowrank.recover.RecoveryReport.Round;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// The page of a trained model.
///
/// @param model what was trained
/// @param command as it was given
record RecoverPage(LanguageModel model, String command) implements RecoveryPage {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    @Override
    public byte[] of(RecoveryReport report, ObjectNode run) {
        return Page.of(new Report(
                "recover",
                String.valueOf(report.output().getFileName()),
                lead(report, run),
                Version.lowrank(),
                command,
                figures(report),
                results(report),
                null,
                null,
                sites(run),
                List.of(),
                training(report),
                report.warnings(),
                List.of(),
                CompressPage.shown(run)));
    }

    private String lead(RecoveryReport report, ObjectNode run) {
        var teacher =
                run.path("recovered").path(run.path("recovered").size() - 1).path("fingerprint");
        return String.format(
                Locale.ROOT,
                "%s, %s numbers trained in %s %s. Storage forms, ranks and bytes are as before.",
                model.checkpoint().path().getFileName(),
                Figures.count(report.trainedParameters()),
                report.precision().toLowerCase(Locale.ROOT),
                Goal.words(report.goals(), teacher.path("teacher_name").asString(null)));
    }

    private static List<Figure> figures(RecoveryReport report) {
        var figures = new ArrayList<Figure>();
        if (report.before() != null && report.after() != null) {
            figures.add(new Figure(
                    "Perplexity, validation text",
                    Figures.perplexity(report.after()),
                    Figures.perplexity(report.before()) + " before"));
        }
        figures.add(new Figure("Trained", Figures.count(report.trainedParameters()), "numbers"));
        if (report.steps() > 0) {
            figures.add(new Figure(
                    "Steps",
                    Figures.count(report.steps()),
                    "written: the state of step " + Figures.count(report.bestStep())
                            + (report.stoppedEarly() ? ", stopped early" : "")));
            figures.add(new Figure("Tokens", Figures.count(report.tokens()), "repeated ones counted again"));
        }
        return figures;
    }

    private static @Nullable Grid results(RecoveryReport report) {
        if (report.before() == null || report.after() == null) {
            return null;
        }
        var row = Stream.of(
                        "perplexity, validation text",
                        Figures.perplexity(report.before()),
                        Figures.perplexity(report.after()),
                        Figures.decimal(report.after() / report.before(), 3))
                .map(Cell::of)
                .toList();
        return new Grid(
                List.of(
                        Column.words(""),
                        Column.numbers("before", ""),
                        Column.numbers("after", ""),
                        Column.numbers("after ÷ before", "")),
                List.of(new Row(row, "")),
                List.of(
                        "The validation text decided which state was kept, so it looks better than a text that nothing was"
                                + " chosen by; measure on one with lowrank evaluate. After: the folder written, read back, in"
                                + " F32."));
    }

    private static Training training(RecoveryReport report) {
        return new Training(
                report.rounds().stream().map(RecoverPage::round).toList(),
                report.blocks().stream()
                        .map(loss -> new Training.Block(loss.block(), loss.before(), loss.after()))
                        .toList());
    }

    private static Training.Round round(Round round) {
        var first = round.step() == 0;
        return new Training.Round(
                round.step(),
                first ? null : Double.valueOf(round.crossEntropy()),
                first || round.divergence() == 0 ? null : Double.valueOf(round.divergence()),
                round.perplexity());
    }

    /// The linears as the manifest of the compression has them; those of blocks that are gone are left out.
    private List<Site> sites(ObjectNode run) {
        var own = model.spec().sites().collect(Collectors.toMap(LinearSite::name, Function.identity()));
        return Arrays.stream(JSON.treeToValue(run.path("sites"), SiteReport[].class))
                .filter(report -> own.containsKey(report.name()))
                .map(report -> ReportParts.site(Objects.requireNonNull(own.get(report.name())), report))
                .toList();
    }
}
