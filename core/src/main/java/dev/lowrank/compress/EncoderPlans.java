package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.allocate.WithinBound;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.StreamRotation;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LanguageModel;

/// What cannot be done to an encoder: whatever looks at predictions of the next token, and what a block
/// with norms behind its sums does not let pass.
final class EncoderPlans {
    private static final String METHODS =
            "svd, fwsvd, asvd, svd-llm, lord, kfac-svd, tucker, lowrank, basis-sharing and"
                    + " shortgpt work on encoders";

    private EncoderPlans() {}

    /// Refuses a recipe that needs a decoder.
    ///
    /// @throws IllegalArgumentException naming what to use instead
    static void check(LanguageModel source, CompressionRecipe recipe) {
        if (source.spec().encoder().isEmpty()) {
            return;
        }
        var type = source.spec().modelType();
        var method = recipe.method();
        var id = method.info().id();
        if (method instanceof ModuleMethod || method instanceof StreamRotation) {
            throw new IllegalArgumentException("The method " + id + " narrows blocks with norms before their sums,"
                    + " rotary positions and a gated MLP (llama, qwen2); " + type + " is an encoder. " + METHODS);
        }
        if (method.info().needs().contains(Statistic.LOSS)) {
            throw new IllegalArgumentException("The method " + id + " measures how well the next token is predicted;"
                    + " " + type + " is an encoder and predicts none. " + METHODS);
        }
        if (recipe.allocator() instanceof WithinBound) {
            throw new IllegalArgumentException("A bound on perplexity needs a decoder; " + type
                    + " is an encoder. Give --keep, and measure the result with evaluate --tasks stsb");
        }
        if (recipe.allocator().info().needs().contains(Sensitivity.FIRST_ORDER)) {
            throw new IllegalArgumentException("The allocator "
                    + recipe.allocator().info().id()
                    + " looks at the loss of the text's own next tokens; " + type + " is an encoder. uniform, energy,"
                    + " asvd, welore, bolaco, swift, influence and knapsack work on encoders");
        }
    }
}
