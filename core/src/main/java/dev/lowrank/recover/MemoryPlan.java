package dev.lowrank.recover;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.TorchDecoder.Residency;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What is kept in memory during training, so that it stays within a bound: the teacher whole or a block at
/// a time, and the activations of how many blocks. What comes after training, when its tensors are gone,
/// counts too.
///
/// @param teacher whether the teacher's blocks stay in memory
/// @param segment blocks whose activations are kept at once
/// @param bytes estimate of the process's peak
record MemoryPlan(Residency teacher, int segment, long bytes) {
    /// Copies of what is trained: the values, their best state, two moments.
    private static final int COPIES = 4;
    /// Vocabulary-wide rows that a thread holds: logits, two distributions, a gradient.
    private static final int HEAD_COPIES = 4;

    private static final int HEAD_ROWS = 128;
    /// What the program, its heap and LibTorch take before any model.
    private static final long PROGRAM = 600_000_000L;
    /// Numbers kept of a token and block besides what linears give: the stream, norms, rotation, attention.
    private static final int STREAM_COPIES = 14;

    /// What memory is needed for, the model and its teacher apart.
    ///
    /// @param trained numbers that are trained
    /// @param window tokens in a training window
    /// @param shares threads that train, each on a window
    /// @param judged tokens in a window that judges the model
    /// @param judging how many of these there are
    /// @param threads that judge, each by a window
    record Work(long trained, int window, int shares, int judged, int judging, int threads) {}

    /// Chooses the fastest plan within a bound.
    ///
    /// @param teacher null without one
    /// @param goals what is learnt from it
    /// @param bound bytes; 0 for none
    /// @throws NotEnoughMemoryException if even the leanest plan needs more
    static MemoryPlan of(
            LanguageModel model, @Nullable LanguageModel teacher, List<Goal> goals, Work work, long bound) {
        var count = model.spec().blocks().size();
        MemoryPlan leanest = null;
        for (var residency : Residency.values()) {
            var ofTeacher = teacher == null ? 0 : teacher(teacher, residency, goals);
            for (var segment = count; segment >= 1; segment = segment == count && count > 1 ? 1 : 0) {
                var bytes = Math.max(training(model, work, segment) + ofTeacher, last(model.spec(), work));
                var plan = new MemoryPlan(residency, segment, bytes);
                if (bound == 0 || plan.bytes <= bound) {
                    return plan;
                }
                leanest = leanest == null || plan.bytes < leanest.bytes ? plan : leanest;
            }
        }
        throw new NotEnoughMemoryException(String.format(
                Locale.ROOT,
                "Training takes at least about %.2f GB with windows of %d tokens on %d threads, but --memory allows %.2f"
                        + " GB. Allow more, or use a smaller --window%s",
                (leanest == null ? 0 : leanest.bytes) / 1e9,
                work.window,
                work.shares,
                bound / 1e9,
                work.shares == 1 ? "" : ", or --batch 1, so that one thread alone keeps a sum of gradients"));
    }

    /// Bytes while the student is there: what it is, and what a step or a look at the validation text adds.
    private static long training(LanguageModel model, Work work, int segment) {
        var spec = model.spec();
        var streams = (long) spec.hiddenSize() * spec.blocks().size();
        var step = work.window
                * (activations(spec) * segment + (segment < spec.blocks().size() ? streams : 0));
        var look = work.judged * (activations(spec) + streams);
        return PROGRAM
                + 4 * (model.weights().parameters() + work.trained * (COPIES + work.shares))
                + 4 * Math.max(work.shares * (headRows(spec) + step), work.threads * (headRows(spec) + look));
    }

    /// Bytes of the teacher: all of it or a block and the head where it predicts, a block where that is
    /// copied.
    private static long teacher(LanguageModel teacher, Residency residency, List<Goal> goals) {
        var spec = teacher.spec();
        if (!goals.contains(Goal.PREDICTIONS)) {
            return goals.contains(Goal.BLOCK_OUTPUTS) ? 4 * largestBlock(spec) : 0;
        }
        return 4
                * switch (residency) {
                    case RESIDENT -> teacher.weights().parameters();
                    case STREAMED -> largestBlock(spec) + headNumbers(spec);
                };
    }

    /// Bytes when the student is gone and what was written, and what it came from, are judged.
    private static long last(DecoderSpec spec, Work work) {
        var streams = (long) Math.min(work.judging, StoredLoss.GROUP) * work.judged * spec.hiddenSize();
        return PROGRAM
                + 4 * (largestBlock(spec) + headNumbers(spec) + streams)
                + 4L * work.threads * (headRows(spec) + work.judged * activations(spec));
    }

    private static long headRows(DecoderSpec spec) {
        return (long) HEAD_COPIES * HEAD_ROWS * spec.vocabSize();
    }

    /// Numbers of the block with the most.
    private static long largestBlock(DecoderSpec spec) {
        return spec.blocks().stream()
                .mapToLong(block -> block.sites().stream()
                        .mapToLong(LinearSite::weightParameters)
                        .sum())
                .max()
                .orElse(0);
    }

    private static long headNumbers(DecoderSpec spec) {
        return (long) spec.vocabSize() * spec.hiddenSize();
    }

    /// Numbers that the backward pass of a block keeps of a token.
    private static long activations(DecoderSpec spec) {
        var linears = spec.blocks().stream()
                .mapToLong(block -> block.sites().stream()
                        .mapToLong(site -> site.out() + Math.min(site.in(), site.out()))
                        .sum())
                .max()
                .orElse(0);
        return 2 * linears + (long) STREAM_COPIES * spec.hiddenSize();
    }
}
