package dev.lowrank.app;

import dev.lowrank.compress.CompressionPlan;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.SitePlan;
import dev.lowrank.compress.WeightBudget;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/// What one size in bytes can be spent on: the whole model in blocks, which takes what its type takes, and
/// cuts, plain and in blocks, that take this many bytes.
///
/// @param candidates what is compared
/// @param skipped what the size is no question for, one sentence each
record ByteFront(List<Comparison.Candidate> candidates, List<String> skipped) {
    private static final List<DType> TYPES = List.of(DType.Q8_0, DType.Q6_K, DType.Q4_K, DType.Q4_0);

    /// Spends a size on recipes.
    ///
    /// @param bytes of all weights together
    /// @param recipes plain ones, which treat linears by themselves
    static ByteFront of(LanguageModel source, long bytes, List<CompressionRecipe> recipes) {
        var candidates = new ArrayList<Comparison.Candidate>();
        var skipped = new ArrayList<String>();
        var whole = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(1));
        for (var type : TYPES) {
            candidates.add(
                    new Comparison.Candidate(1.0, quantized(recipes.getFirst().withBudget(whole), type)));
        }
        for (var recipe : recipes) {
            add(source, bytes, recipe, candidates, skipped);
            TYPES.forEach(type -> add(source, bytes, quantized(recipe, type), candidates, skipped));
        }
        return new ByteFront(List.copyOf(candidates), List.copyOf(skipped));
    }

    private static CompressionRecipe quantized(CompressionRecipe recipe, DType type) {
        var blocks = new Quantization(type, recipe.update() == null);
        return recipe.quantized(blocks, blocks.rankMultiple());
    }

    private static void add(
            LanguageModel source,
            long bytes,
            CompressionRecipe recipe,
            List<Comparison.Candidate> candidates,
            List<String> skipped) {
        var fitted = UsageErrors.check(() -> WeightBudget.of(source, recipe, bytes));
        var amount = ((Budget.Absolute) fitted.budget()).amount();
        var whole = recipe.withBudget(new Budget.Share(CostUnit.BYTES, KeepRatio.keep(1)));
        var targets = CompressionPlan.of(source, whole, 0, 0).targets();
        var name = recipe.name() + " " + type(recipe.quantization());
        if (amount >= targets.stream().mapToLong(SitePlan::weightBytes).sum()) {
            skipped.add(name + " needs no cut to fit into " + Figures.bytes(bytes) + ".");
        } else if (amount
                < targets.stream().mapToLong(site -> least(site, recipe)).sum()) {
            skipped.add(name + " does not fit into " + Figures.bytes(bytes) + " at the lowest ranks that are whole"
                    + " blocks.");
        } else {
            candidates.add(new Comparison.Candidate(null, fitted));
        }
    }

    /// The fewest bytes that a site can take.
    private static long least(SitePlan target, CompressionRecipe recipe) {
        var site = target.site();
        var lowest = recipe.storage().forms().stream()
                .filter(form -> recipe.rankMultiple() < Math.min(site.in(), site.out()))
                .mapToLong(form -> CostUnit.BYTES.cost(site, target.dtype(), new Choice(form, recipe.rankMultiple())));
        return LongStream.concat(lowest, LongStream.of(target.weightBytes()))
                .min()
                .orElseThrow();
    }

    /// Name of what numbers are stored in.
    static String type(@Nullable Quantization blocks) {
        return blocks == null ? "plain" : blocks.id();
    }
}
