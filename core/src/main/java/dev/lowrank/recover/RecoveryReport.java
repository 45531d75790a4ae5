package dev.lowrank.recover;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a training did.
///
/// @param output folder written
/// @param goals what the model was moved towards
/// @param trainedParameters numbers that moved
/// @param precision element type of products
/// @param segment blocks whose activations were kept at once
/// @param steps end-to-end steps taken
/// @param bestStep the end-to-end step whose state was written, or was refined in a last stage of blocks
/// @param stoppedEarly whether the validation text stopped it
/// @param tokens tokens that passed through end-to-end steps
/// @param seconds training time, that of stopped runs included
/// @param before perplexity on the validation text of the model; absent without one
/// @param after the same of the folder written, read back
/// @param rounds what was seen in between
/// @param blocks what the block stage did, also where the warnings say that it was undone
/// @param warnings what to know
public record RecoveryReport(
        Path output,
        List<Goal> goals,
        long trainedParameters,
        String precision,
        int segment,
        long steps,
        long bestStep,
        boolean stoppedEarly,
        long tokens,
        double seconds,
        @Nullable Double before,
        @Nullable Double after,
        List<Round> rounds,
        List<BlockLoss> blocks,
        List<String> warnings) {
    public RecoveryReport {
        goals = List.copyOf(goals);
        rounds = List.copyOf(rounds);
        blocks = List.copyOf(blocks);
        warnings = List.copyOf(warnings);
    }

    /// The state at one moment of the end-to-end stage.
    ///
    /// @param step steps taken
    /// @param crossEntropy mean over the steps since the last round, nats a token of the text
    /// @param divergence the same of the divergence from the teacher; 0 without one
    /// @param perplexity on the validation text; absent without one
    public record Round(
            long step,
            double crossEntropy,
            double divergence,
            @Nullable Double perplexity) {}

    /// What the block stage did to a block: mean square error of its output over the mean square of the
    /// dense block's.
    ///
    /// @param before on the inputs of the compressed model, before training
    /// @param after the same, after training
    public record BlockLoss(int block, double before, double after) {}
}
