package dev.lowrank.compress;

import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// Compresses a model: calibration text and weights flow through it block by block, a smaller model folder
/// comes out.
///
/// A run that is killed leaves `OUTPUT.partial`; the same call again continues at the next block and ends
/// in the same bytes. Several recipes can share one pass of calibration and, where they share a method, one
/// decomposition.
public final class Compression {
    /// Calibration tokens that one thread passes through a block at once; bounds the activations in memory.
    static final int BATCH_TOKENS = 2048;

    private Compression() {}

    /// One output of a run.
    ///
    /// @param recipe how
    /// @param output the folder to make
    public record Job(CompressionRecipe recipe, Path output) {}

    /// What to do with the unfinished work of an earlier run.
    public enum Unfinished {
        /// Continue it; refuse if it was asked something else.
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
        for (var job : jobs) {
            var recipe = job.recipe();
            if (calibration == null && recipe.needsCalibration()) {
                throw new IllegalArgumentException("The method "
                        + recipe.name() + " with the allocator "
                        + recipe.allocator().info().id()
                        + " needs a calibration text; give one with --calibration FILE");
            }
            if (validation == null && recipe.needsValidation()) {
                throw new IllegalArgumentException("The allocator "
                        + recipe.allocator().info().id()
                        + " measures candidates on a validation text; give one with --validation FILE");
            }
        }
        var files = Fingerprint.source(source.checkpoint().path());
        var opened = new ArrayList<JobState>();
        try {
            for (var job : jobs) {
                opened.add(open(source, files, job, calibration, validation, unfinished));
            }
            return new CompressionRun(source, opened, calibration, validation, progress).run();
        } finally {
            opened.forEach(JobState::close);
        }
    }

    private static JobState open(
            LanguageModel source,
            ObjectNode files,
            Job job,
            @Nullable CalibrationSet calibration,
            @Nullable ValidationSet validation,
            Unfinished unfinished) {
        var windows = calibration == null ? 0 : calibration.size();
        var window = calibration == null ? 0 : calibration.identity().window();
        var plan = CompressionPlan.of(source, job.recipe(), windows, window);
        var folder =
                OutputFolder.begin(job.output(), List.of(source.checkpoint().path()));
        try {
            if (unfinished == Unfinished.DISCARD) {
                folder.clear();
            }
            if (!folder.resumed()) {
                folder.requireSpace(plan.need().diskBytes());
            }
            var recipe = job.recipe();
            var fingerprint = Fingerprint.of(
                    files,
                    recipe,
                    recipe.needsCalibration() ? calibration : null,
                    recipe.usesValidation() ? validation : null);
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
