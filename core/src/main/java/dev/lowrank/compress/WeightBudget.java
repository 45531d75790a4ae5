package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.SparseRows;
import dev.lowrank.model.output.Shards;
import dev.lowrank.tensor.DType;
import java.util.stream.Collectors;

/// Turns "the whole model in so many bytes" into what the targets of a recipe may cost.
public final class WeightBudget {
    private WeightBudget() {}

    /// Most bytes of a tensor's entry in the header of a file, besides its name: type, shape and place.
    private static final int ENTRY_BYTES = 96;

    /// Most bytes that a tensor's name is longer than that of its site.
    private static final int PART_BYTES = 16;

    /// Tensors that a site is stored in at most, index included, bias left out.
    private static final int PARTS = 4;

    /// Tensors of the entries that it keeps besides, if any.
    private static final int ENTRY_PARTS = 3;

    /// Length, metadata and padding of a header.
    private static final int HEADER_BYTES = 128;

    /// The same recipe with a budget for the weight files of the model that is written: their headers,
    /// embeddings, norms, biases, outliers and what stays dense take theirs first, the targets get the
    /// rest.
    ///
    /// @param bytes of the weight files together
    /// @throws IllegalArgumentException if the rest of the model takes that much alone
    public static CompressionRecipe of(LanguageModel source, CompressionRecipe recipe, long bytes) {
        var everything = new Budget.Share(CostUnit.BYTES, KeepRatio.keep(1));
        var dense = CompressionPlan.of(source, recipe.withBudget(everything), 0, 0);
        var targets = dense.targets().stream()
                .mapToLong(plan -> CostUnit.BYTES.cost(plan.site(), plan.dtype(), Choice.dense(plan.site())))
                .sum();
        var besides = dense.bytesDense()
                - targets
                + outliers(source, recipe, dense)
                + wider(source, dense.restType())
                + headers(source, recipe, bytes);
        if (bytes <= besides) {
            throw new IllegalArgumentException("A budget of " + bytes + " bytes leaves nothing for the " + targets
                    + " bytes of target linears: embeddings, norms, biases, headers and what is protected take "
                    + besides);
        }
        return recipe.withBudget(new Budget.Absolute(CostUnit.BYTES, bytes - besides, besides));
    }

    /// What outliers of all targets take; those that stay plain and dense will have none.
    private static long outliers(LanguageModel source, CompressionRecipe recipe, CompressionPlan plan) {
        var outliers = recipe.storage().outliers();
        var values = CompressionPlan.embeddingType(source, recipe);
        return outliers == null
                ? 0
                : plan.targets().stream()
                        .map(SitePlan::site)
                        .mapToLong(site ->
                                SparseRows.bytes(site.out(), site.in(), outliers.count(site.out(), site.in()), values))
                        .sum();
    }

    /// What norms take that keep an element type of their own.
    private static long wider(LanguageModel source, DType rest) {
        var sites = source.spec()
                .sites()
                .flatMap(site -> source.weights().tensorNames(site).stream())
                .collect(Collectors.toSet());
        return source.weights().names().stream()
                .filter(name ->
                        !sites.contains(name) && !source.weights().tables().contains(name))
                .map(name -> source.checkpoint().info(name))
                .mapToLong(info -> info.dtype().bytes(info.shape().elements())
                        - rest.bytes(info.shape().elements()))
                .map(bytes -> Math.max(0, bytes))
                .sum();
    }

    /// What the headers of the files take at most.
    private static long headers(LanguageModel source, CompressionRecipe recipe, long bytes) {
        var tensors = source.weights().names().stream().mapToLong(name -> name.length() + ENTRY_BYTES);
        var count = PARTS + (recipe.storage().outliers() == null ? 0 : ENTRY_PARTS);
        var parts = source.spec()
                .sites()
                .mapToLong(site -> (long) count * (site.name().length() + PART_BYTES + ENTRY_BYTES));
        return HEADER_BYTES * (1 + bytes / Shards.MOST_BYTES) + tensors.sum() + parts.sum();
    }
}
