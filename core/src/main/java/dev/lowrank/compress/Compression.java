package dev.lowrank.compress;

import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.MixedPrecision;
import dev.lowrank.model.Progress;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// Compresses a model: calibration text and weights flow through it block by block, a smaller model folder
/// comes out.
///
/// A run that is killed leaves `OUTPUT.partial`; the same call again continues at the next block and ends
/// in the same bytes. Several recipes can share one pass of calibration and, where they share a method, one
/// decomposition; each writes what it would write alone. What they share lies with the first of them;
/// outputs that such a run had finished when it was stopped are taken as done.
public final class Compression {
    /// Calibration tokens that one thread passes through a block at once; bounds the activations in memory.
    static final int BATCH_TOKENS = 2048;

    private Compression() {}

    /// One output of a run.
    ///
    /// @param recipe how
    /// @param output the folder to make
    /// @param page makes the page that is written beside the model; null for none
    public record Job(
            CompressionRecipe recipe, Path output, @Nullable OutputPage page) {
        /// An output without a page.
        public Job(CompressionRecipe recipe, Path output) {
            this(recipe, output, null);
        }
    }

    /// What to do with the unfinished work of an earlier run.
    public enum Unfinished {
        /// Continue it; refuse if it was asked something else. Of several jobs, those whose outputs are
        /// there and were made by the same recipe are done.
        RESUME,
        /// Throw it away.
        DISCARD
    }

    /// Compresses a model.
    ///
    /// @param calibration text that steers the method; null only for methods that need none
    /// @throws dev.lowrank.checkpoint.CheckpointException if the output cannot be made or an unfinished run
    ///     differs
    /// @throws dev.lowrank.tensor.NumericalException naming the tensor or site at which the numbers went
    ///     wrong
    public static CompressionReport run(
            LanguageModel source,
            Job job,
            @Nullable CalibrationSet calibration,
            Unfinished unfinished,
            Progress progress) {
        return runAll(source, List.of(job), calibration, null, unfinished, progress)
                .getFirst();
    }

    /// Compresses a model by several recipes in one pass.
    ///
    /// @param calibration text that steers the methods; null only if none needs it
    /// @param validation text that allocators measure candidates on; null only if none does
    /// @return a report for each job, in order
    public static List<CompressionReport> runAll(
            LanguageModel source,
            List<Job> jobs,
            @Nullable CalibrationSet calibration,
            @Nullable ValidationSet validation,
            Unfinished unfinished,
            Progress progress) {
        jobs.forEach(job -> requireTexts(job.recipe(), calibration, validation));
        var files = Fingerprint.source(source.checkpoint().path());
        var reports = new LinkedHashMap<Job, CompressionReport>();
        var opened = new ArrayList<JobState>();
        try {
            for (var job : jobs) {
                var plan = plan(source, job, calibration);
                var fingerprint = fingerprint(source, files, job, plan, calibration, validation);
                var before = jobs.size() > 1 && unfinished == Unfinished.RESUME
                        ? FinishedOutput.report(job, plan, fingerprint)
                        : null;
                if (before == null) {
                    opened.add(open(source, fingerprint, job, plan, unfinished));
                } else {
                    reports.put(job, before);
                }
            }
            if (!opened.isEmpty()) {
                var made = new CompressionRun(source, opened, calibration, validation, progress).run();
                for (var i = 0; i < made.size(); i++) {
                    reports.put(opened.get(i).job, made.get(i));
                }
            }
            return jobs.stream()
                    .map(job -> Objects.requireNonNull(reports.get(job)))
                    .toList();
        } finally {
            opened.forEach(JobState::close);
        }
    }

    private static void requireTexts(
            CompressionRecipe recipe, @Nullable CalibrationSet calibration, @Nullable ValidationSet validation) {
        if (calibration == null && recipe.needsCalibration()) {
            throw new IllegalArgumentException("The method "
                    + recipe.name() + " with the allocator "
                    + recipe.allocator().info().id() + " needs a calibration text; give one with --calibration FILE");
        }
        if (validation == null && recipe.needsValidation()) {
            throw new IllegalArgumentException("The allocator "
                    + recipe.allocator().info().id()
                    + " measures candidates on a validation text; give one with --validation FILE");
        }
    }

    private static ObjectNode fingerprint(
            LanguageModel source,
            ObjectNode files,
            Job job,
            CompressionPlan plan,
            @Nullable CalibrationSet calibration,
            @Nullable ValidationSet validation) {
        return Fingerprint.of(
                files,
                job.recipe(),
                plan.shares(),
                MixedPrecision.products(source.spec()),
                job.recipe().needsCalibration() ? calibration : null,
                job.recipe().usesValidation() ? validation : null);
    }

    /// Measures what decides the ranks of a job, and decides them, without cutting anything. A run that is
    /// killed leaves `OUTPUT.partial`; the same call again continues at the next block.
    ///
    /// @param job its page is not made
    /// @param files makes the files of the output from what was measured, by their names
    /// @throws IllegalArgumentException if the recipe knows its ranks ahead, or does not choose them linear
    ///     by linear
    /// @throws dev.lowrank.checkpoint.CheckpointException if the output cannot be made or an unfinished run
    ///     differs
    public static MeasuredPlan measure(
            LanguageModel source,
            Job job,
            @Nullable CalibrationSet calibration,
            @Nullable ValidationSet validation,
            Unfinished unfinished,
            Progress progress,
            Function<MeasuredPlan, Map<String, byte[]>> files) {
        var recipe = job.recipe();
        requireTexts(recipe, calibration, validation);
        var plan = plan(source, job, calibration);
        MeasuredPlan.requireMeasured(plan);
        var of = Fingerprint.source(source.checkpoint().path());
        var fingerprint = fingerprint(source, of, job, plan, calibration, validation);
        fingerprint.put("command", "plan");
        try (var opened = open(source, fingerprint, job, plan, unfinished)) {
            new CompressionRun(source, List.of(opened), calibration, validation, progress).decide();
            var measured = MeasuredPlan.of(source, opened);
            files.apply(measured).forEach(opened.folder::write);
            opened.folder.commit(measured.run());
            return measured;
        }
    }

    /// Opens the working folder of a job that several models will be cut from.
    static JobState open(LanguageModel source, Job job, @Nullable CalibrationSet calibration) {
        var recipe = job.recipe();
        requireTexts(recipe, calibration, null);
        var plan = plan(source, job, calibration);
        var files = Fingerprint.source(source.checkpoint().path());
        var fingerprint = fingerprint(source, files, job, plan, calibration, null);
        return open(source, fingerprint, job, plan, Unfinished.RESUME);
    }

    private static CompressionPlan plan(LanguageModel source, Job job, @Nullable CalibrationSet calibration) {
        var windows = calibration == null ? 0 : calibration.size();
        var window = calibration == null ? 0 : calibration.identity().window();
        return CompressionPlan.of(source, job.recipe(), windows, window);
    }

    private static JobState open(
            LanguageModel source, ObjectNode fingerprint, Job job, CompressionPlan plan, Unfinished unfinished) {
        var folder =
                OutputFolder.begin(job.output(), List.of(source.checkpoint().path()));
        try {
            if (unfinished == Unfinished.DISCARD) {
                folder.clear();
            }
            if (!folder.resumed()) {
                folder.requireSpace(plan.need().diskBytes());
            }
            return new JobState(
                    job, plan, folder, RunState.open(folder, fingerprint), fingerprint, Blueprint.same(source));
        } catch (RuntimeException failure) {
            if (!folder.resumed()) {
                folder.discard(); // nothing was begun, so nothing is left behind
            }
            folder.close();
            throw failure;
        }
    }
}
