package dev.lowrank.app;

import dev.lowrank.app.AccuracyBound.Round;
import dev.lowrank.compress.CompressionReport;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Finds the smallest share at which the written model is within a bound on accuracy. Shares are tried
/// three at a time, since models of one pass share calibration and decompositions: first over the whole
/// range, then between the smallest share that holds and the largest below it that does not. Each was
/// written and measured as it is; a larger share that fails while a smaller one holds changes nothing.
final class AccuracySearch {
    private static final List<Double> FIRST = List.of(0.8, 0.6, 0.4);
    private static final double SMALLEST = 0.2;

    /// Makes the models of some shares.
    interface Compressor {
        /// @return a report for each share, in order
        List<CompressionReport> of(List<Double> shares);
    }

    /// What was taken.
    ///
    /// @param report of the model
    /// @param found what was measured
    record Taken(CompressionReport report, AccuracyBound.Found found) {}

    private record Tried(Round round, CompressionReport report) {}

    private final AccuracyBound bound;
    private final Compressor compress;
    private final Progress progress;
    private final List<Tried> tried = new ArrayList<>();

    /// @param bound what must hold
    /// @param compress makes models of several shares, in folders that a second run finds again
    AccuracySearch(AccuracyBound bound, Compressor compress, Progress progress) {
        this.bound = bound;
        this.compress = compress;
        this.progress = progress;
    }

    /// @throws CommandException with code 7 if the source, or every cut that was tried, is below the bound
    Taken run(LanguageModel source) {
        var before = bound.measure(source, progress);
        if (before < bound.least()) {
            throw missed("The model as it is has " + words(before) + ", less than the " + bound.least()
                    + " that --min-accuracy asks for.");
        }
        attempt(FIRST);
        attempt(between());
        var best = best();
        if (best == null) {
            var most = tried.stream()
                    .max(Comparator.comparingDouble(one -> one.round().value()))
                    .orElseThrow();
            throw missed("No cut leaves " + bound.least() + "; keeping "
                    + most.round().keep() + " has " + words(most.round().value()) + ", the model as it is "
                    + words(before) + ".");
        }
        var rounds = tried.stream()
                .map(Tried::round)
                .sorted(Comparator.comparingDouble(Round::keep))
                .toList();
        return new Taken(best.report(), bound.found(before, best.round(), rounds));
    }

    /// Folders of all models that were made.
    List<Path> folders() {
        return tried.stream().map(one -> one.report().output()).toList();
    }

    private void attempt(List<Double> shares) {
        var reports = compress.of(shares);
        for (var i = 0; i < shares.size(); i++) {
            try (var model = LanguageModel.open(reports.get(i).output())) {
                var share = shares.get(i);
                var value = bound.measure(
                        model, (what, done, total) -> progress.step("keep " + share + ", " + what, done, total));
                tried.add(new Tried(new Round(share, value), reports.get(i)));
            }
        }
    }

    /// Three shares that divide the range where the answer lies.
    private List<Double> between() {
        var best = best();
        var high = best == null ? 1 : best.round().keep();
        var low = tried.stream()
                .map(Tried::round)
                .filter(round -> round.value() < bound.least() && round.keep() < high)
                .mapToDouble(Round::keep)
                .max()
                .orElse(SMALLEST);
        return List.of(3, 2, 1).stream()
                .map(quarter -> Math.round((low + (high - low) * quarter / 4) * 1e4) / 1e4)
                .toList();
    }

    private @Nullable Tried best() {
        return tried.stream()
                .filter(one -> one.round().value() >= bound.least())
                .min(Comparator.comparingDouble(one -> one.round().keep()))
                .orElse(null);
    }

    private String words(double value) {
        return String.format(Locale.ROOT, "%s %s %.4f", bound.name(), bound.metric(), value);
    }

    private static CommandException missed(String fact) {
        return new CommandException(ExitCode.QUALITY, fact, "Ask for less, or for a task that the model can do.");
    }
}
