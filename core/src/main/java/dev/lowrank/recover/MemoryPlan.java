package dev.lowrank.recover;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.TorchDecoder.Residency;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What is kept in memory during training, so that it stays within a bound: the teacher whole or a block at
/// a time, and the activations of how many blocks.
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

    /// Chooses the fastest plan within a bound.
    ///
    /// @param trained numbers that are trained
    /// @param window tokens in a window
    /// @param shares threads, each with a window
    /// @param bound bytes; 0 for none
    /// @throws NotEnoughMemoryException if even the leanest plan needs more
    static MemoryPlan of(
            LanguageModel model, @Nullable LanguageModel teacher, long trained, int window, int shares, long bound) {
        var spec = model.spec();
        var fixed = PROGRAM
                + 4L * (model.weights().parameters() + trained * (COPIES + shares))
                + 4L * shares * HEAD_COPIES * HEAD_ROWS * spec.vocabSize();
        var whole = teacher == null ? 0 : 4 * teacher.weights().parameters();
        var part = teacher == null ? 0 : largestBlock(teacher.spec()) + 4L * headNumbers(teacher.spec());
        var block = 4L * shares * window * activations(spec);
        var ends = 4L * shares * window * spec.hiddenSize() * spec.blocks().size();
        var count = spec.blocks().size();
        MemoryPlan leanest = null;
        for (var residency : Residency.values()) {
            var ofTeacher = residency == Residency.RESIDENT ? whole : part;
            for (var segment = count; segment >= 1; segment = segment == count && count > 1 ? 1 : 0) {
                var plan = new MemoryPlan(
                        residency, segment, fixed + ofTeacher + block * segment + (segment < count ? ends : 0));
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
                window,
                shares,
                bound / 1e9,
                shares == 1 ? "" : ", or --batch 1, so that one thread alone keeps a sum of gradients"));
    }

    private static long largestBlock(DecoderSpec spec) {
        return 4L
                * spec.blocks().stream()
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
