package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.SparseRows;

/// Turns "the whole model in so many bytes" into what the targets of a recipe may cost.
public final class WeightBudget {
    private WeightBudget() {}

    /// The same recipe with a budget for all weights of the model that is written: embeddings, norms,
    /// biases, outliers and what stays dense take theirs first, the targets get the rest.
    ///
    /// @param bytes of all weights together
    /// @throws IllegalArgumentException if the rest of the model takes that much alone
    public static CompressionRecipe of(LanguageModel source, CompressionRecipe recipe, long bytes) {
        var everything = new Budget.Share(CostUnit.BYTES, KeepRatio.keep(1));
        var dense = CompressionPlan.of(source, recipe.withBudget(everything), 0, 0);
        var targets = dense.targets().stream()
                .mapToLong(plan -> CostUnit.BYTES.cost(plan.site(), plan.dtype(), Choice.dense(plan.site())))
                .sum();
        var besides = dense.bytesDense() - targets + outliers(source, recipe, dense);
        if (bytes <= besides) {
            throw new IllegalArgumentException("A budget of " + bytes + " bytes leaves nothing for the " + targets
                    + " bytes of target linears: embeddings, norms, biases and what is protected take " + besides);
        }
        return recipe.withBudget(new Budget.Absolute(CostUnit.BYTES, bytes - besides, besides));
    }

    /// What outliers of all targets take; those that stay plain and dense will have none.
    private static long outliers(LanguageModel source, CompressionRecipe recipe, CompressionPlan plan) {
        var outliers = recipe.outliers();
        var values = CompressionPlan.embeddingType(source, recipe);
        return outliers == null
                ? 0
                : plan.targets().stream()
                        .map(SitePlan::site)
                        .mapToLong(site ->
                                SparseRows.bytes(site.out(), site.in(), outliers.count(site.out(), site.in()), values))
                        .sum();
    }
}
