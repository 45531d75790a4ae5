package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.compress.Compression;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.CompressionReport;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Compresses a model by several recipes in one calibration pass and measures each result beside the
/// original.
///
/// @param dense the original
/// @param rows the compressed models, in the order asked for
/// @param best index of the best row
/// @param folders where the compressed models lie
/// @param warnings what to know of single models, each with those that it is of
/// @param budget bytes that a model should fit into; null where none were asked for
record Comparison(
        Row dense,
        List<Row> rows,
        int best,
        List<Path> folders,
        List<String> warnings,
        @Nullable Long budget) {
    /// How the best is found, in words.
    static final String RULE = "lowest perplexity on the first text; among equals the fewest bytes";

    private static final String RULE_WITHIN =
            "lowest perplexity on the first text of those that fit; among equals the fewest bytes";

    Comparison {
        rows = List.copyOf(rows);
        folders = List.copyOf(folders);
        warnings = List.copyOf(warnings);
    }

    /// Models that were not made here, of which there is nothing to warn.
    static Comparison existing(Row first, List<Row> others, List<Path> folders) {
        return new Comparison(first, others, best(others), folders, List.of(), null);
    }

    /// One recipe of several.
    ///
    /// @param keep share of the target linears asked for; null where bytes were asked for
    /// @param recipe how
    record Candidate(@Nullable Double keep, CompressionRecipe recipe) {
        private boolean plain() {
            return recipe.storage().quantization() == null && recipe.storage().bits() == null;
        }

        /// A folder name that tells it apart from the others.
        String folder() {
            return String.join(
                    "-",
                    recipe.name(),
                    recipe.storageId(),
                    ByteFront.type(recipe).replace(':', '-').replace(',', '+'),
                    recipe.spender(),
                    recipe.updateId(),
                    recipe.budget().unit().id(),
                    keep == null ? "bytes" : Double.toString(keep));
        }

        /// What tells it apart in warnings.
        String words() {
            return recipe.name() + (plain() ? "" : " " + ByteFront.type(recipe)) + (keep == null ? "" : " " + keep);
        }
    }

    /// What was measured of one model.
    ///
    /// @param method method, `dense` for the original; path of a model that was measured as it is
    /// @param storage storage policy, with the block type where there is one; `-` where nothing was
    ///     compressed
    /// @param allocator what chose the ranks; `-` likewise
    /// @param update how sites were fitted to the compressed model; `-` likewise
    /// @param keep share asked for, 1 for the original; absent for a model that was measured as it is
    /// @param keptTarget share kept of the target linears; absent likewise
    /// @param keptModel parameters ÷ the original's, or the first model's
    /// @param parameters numbers stored
    /// @param bytes bytes of the weight files
    /// @param perplexity one figure a text
    /// @param tasks one figure for each metric of each task; absent where none was asked
    /// @param speed absent where none was asked for
    /// @param seconds calibration, decomposition and writing, as if it had run alone; 0 for the original
    /// @param fits whether it takes no more bytes than were asked for; absent where none were
    /// @param front whether no other row is at least as good in bytes, perplexity on the first text and
    ///     decode speed, and better in one; absent likewise
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Row(
            @JsonProperty("method") String method,
            @JsonProperty("storage") String storage,
            @JsonProperty("allocator") String allocator,
            @JsonProperty("update") String update,
            @JsonProperty("keep") @Nullable Double keep,
            @JsonProperty("kept_target") @Nullable Double keptTarget,
            @JsonProperty("kept_model") double keptModel,
            @JsonProperty("parameters") long parameters,
            @JsonProperty("bytes") long bytes,
            @JsonProperty("perplexity") List<Measurement.TextFigure> perplexity,
            @JsonProperty("tasks") @Nullable List<TaskMeasurement.TaskFigure> tasks,
            @JsonProperty("speed") Measurement.@Nullable SpeedFigure speed,
            @JsonProperty("seconds") double seconds,
            @JsonProperty("fits") @Nullable Boolean fits,
            @JsonProperty("front") @Nullable Boolean front) {

        static Row dense(Measurement measured) {
            return of("dense", "-", "-", "-", 1.0, 1.0, 1, measured, 0);
        }

        /// A model measured as it is.
        ///
        /// @param first parameters of the model it stands beside
        static Row existing(String name, long first, Measurement measured) {
            return of(name, "-", "-", "-", null, null, (double) measured.parameters() / first, measured, 0);
        }

        static Row of(Candidate candidate, CompressionReport report, Measurement measured) {
            var time = report.seconds();
            return of(
                    report.method(),
                    report.storage() + (candidate.plain() ? "" : " " + ByteFront.type(candidate.recipe())),
                    report.allocator(),
                    candidate.recipe().updateId(),
                    candidate.keep(),
                    report.keptTarget(),
                    report.keptModel(),
                    measured,
                    time.calibrate() + time.decompose() + time.allocate() + time.write());
        }

        private static Row of(
                String method,
                String storage,
                String allocator,
                String update,
                @Nullable Double keep,
                @Nullable Double keptTarget,
                double keptModel,
                Measurement measured,
                double seconds) {
            return new Row(
                    method,
                    storage,
                    allocator,
                    update,
                    keep,
                    keptTarget,
                    keptModel,
                    measured.parameters(),
                    measured.bytes(),
                    measured.perplexity(),
                    measured.tasks().isEmpty() ? null : measured.tasks(),
                    measured.speed(),
                    seconds,
                    null,
                    null);
        }

        private Row standing(boolean fitting, boolean unbeaten) {
            return new Row(
                    method,
                    storage,
                    allocator,
                    update,
                    keep,
                    keptTarget,
                    keptModel,
                    parameters,
                    bytes,
                    perplexity,
                    tasks,
                    speed,
                    seconds,
                    fitting,
                    unbeaten);
        }

        /// Whether another is at least as good in everything and better in something.
        private boolean beatenBy(Row other) {
            var mine = costs();
            var theirs = other.costs();
            var better = false;
            for (var i = 0; i < mine.length; i++) {
                if (theirs[i] > mine[i]) {
                    return false;
                }
                better |= theirs[i] < mine[i];
            }
            return better;
        }

        private double[] costs() {
            return new double[] {bytes, perplexity.getFirst().value(), speed == null ? 0 : -speed.decode()};
        }
    }

    /// The same held against a size: what fits is told, the front of all rows is marked, and the best is
    /// one that fits, if any does.
    Comparison within(long bytes) {
        var all = all();
        var marked = all.stream()
                .map(row -> row.standing(row.bytes() <= bytes, all.stream().noneMatch(row::beatenBy)))
                .toList();
        var others = marked.subList(1, marked.size());
        var fitting =
                others.stream().filter(row -> Boolean.TRUE.equals(row.fits())).toList();
        var taken = fitting.isEmpty() ? best : others.indexOf(fitting.get(best(fitting)));
        return new Comparison(marked.getFirst(), others, taken, folders, warnings, bytes);
    }

    /// How the best was found, in words.
    String rule() {
        return budget == null ? RULE : RULE_WITHIN;
    }

    /// The best row.
    Row winner() {
        return rows.get(best);
    }

    /// The original and the compressed models.
    List<Row> all() {
        return Stream.concat(Stream.of(dense), rows.stream()).toList();
    }

    /// Compares recipes.
    ///
    /// @param candidates at least one, no two alike
    /// @param calibration null only where no method needs it
    /// @param validation null only where no allocator needs it
    /// @param work an empty folder for the compressed models
    static Comparison run(
            LanguageModel source,
            List<Candidate> candidates,
            @Nullable CalibrationSet calibration,
            @Nullable ValidationSet validation,
            Yardstick yardstick,
            Path work,
            Progress progress) {
        if (candidates.stream().map(Candidate::folder).distinct().count() < candidates.size()) {
            throw new IllegalArgumentException("Two candidates are alike: "
                    + candidates.stream().map(Candidate::folder).toList());
        }
        var jobs = candidates.stream()
                .map(candidate -> new Compression.Job(
                        candidate.recipe(),
                        work.resolve(candidate.folder()),
                        new CompressPage(source, written -> null)))
                .toList();
        var dense = Row.dense(yardstick.measure(source, "dense", progress));
        var reports = Compression.runAll(source, jobs, calibration, validation, Unfinished.DISCARD, progress);
        var rows = new ArrayList<Row>();
        for (var i = 0; i < jobs.size(); i++) {
            var candidate = candidates.get(i);
            try (var model = LanguageModel.open(jobs.get(i).output())) {
                var measured = yardstick.measure(model, candidate.folder(), progress);
                rows.add(Row.of(candidate, reports.get(i), measured));
            }
        }
        return new Comparison(
                dense,
                rows,
                best(rows),
                jobs.stream().map(Compression.Job::output).toList(),
                warnings(candidates, reports),
                null);
    }

    /// Each warning once, with the recipes that it is of.
    private static List<String> warnings(List<Candidate> candidates, List<CompressionReport> reports) {
        var of = new LinkedHashMap<String, List<String>>();
        for (var i = 0; i < reports.size(); i++) {
            for (var warning : reports.get(i).warnings()) {
                var candidate = candidates.get(i);
                of.computeIfAbsent(warning, any -> new ArrayList<>()).add(candidate.words());
            }
        }
        return of.entrySet().stream()
                .map(each -> (each.getValue().size() == reports.size() ? "all" : String.join(", ", each.getValue()))
                        + ": " + each.getKey())
                .toList();
    }

    /// The row with the lowest perplexity on the first text, among equals the smallest, then the first.
    static int best(List<Row> rows) {
        return IntStream.range(0, rows.size())
                .boxed()
                .min(Comparator.<Integer>comparingDouble(
                                i -> rows.get(i).perplexity().getFirst().value())
                        .thenComparingLong(i -> rows.get(i).bytes()))
                .orElseThrow();
    }
}
