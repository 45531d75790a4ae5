package dev.lowrank.app;

import dev.lowrank.compress.CompressionPlan;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.SitePlan;
import dev.lowrank.compress.WeightBudget;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/// What one size in bytes can be spent on: the whole model in blocks, which takes what its type takes, and
/// cuts, plain, in blocks and, where that is asked for, in a type for each site, that take this many bytes.
///
/// @param candidates what is compared
/// @param skipped what the size is no question for, one sentence each
record ByteFront(List<Comparison.Candidate> candidates, List<String> skipped) {
    private static final List<DType> TYPES = List.of(DType.Q8_0, DType.Q6_K, DType.Q4_K, DType.Q4_0);

    /// Spends a size on recipes.
    ///
    /// @param bytes of the weight files together
    /// @param recipes that treat linears by themselves, in plain numbers or with a choice of types
    static ByteFront of(LanguageModel source, long bytes, List<CompressionRecipe> recipes) {
        var candidates = new ArrayList<Comparison.Candidate>();
        var skipped = new ArrayList<String>();
        var whole = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(1));
        var first = recipes.getFirst().choosing(null);
        for (var type : TYPES) {
            candidates.add(new Comparison.Candidate(1.0, quantized(first.withBudget(whole), type)));
        }
        for (var recipe : recipes) {
            var plain = recipe.choosing(null);
            add(source, bytes, plain, candidates, skipped);
            TYPES.forEach(type -> add(source, bytes, quantized(plain, type), candidates, skipped));
            if (recipe.storage().bits() != null) {
                add(source, bytes, recipe, candidates, skipped);
            }
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
        var name = recipe.name() + " " + type(recipe);
        if (amount >= targets.stream().mapToLong(SitePlan::weightBytes).sum()) {
            skipped.add(name + " needs no cut to fit into " + Figures.bytes(bytes) + ".");
        } else if (recipe.storage().bits() == null
                && amount
                        < targets.stream()
                                .mapToLong(site -> least(site, recipe))
                                .sum()) {
            skipped.add(name + " does not fit into " + Figures.bytes(bytes) + " at the lowest ranks that are whole"
                    + " blocks.");
        } else {
            candidates.add(new Comparison.Candidate(null, fitted));
        }
    }

    /// The fewest bytes that a site can take.
    private static long least(SitePlan target, CompressionRecipe recipe) {
        var site = target.site();
        var lowest = recipe.storage().policy().forms().stream()
                .filter(form -> recipe.rankMultiple() < Math.min(site.in(), site.out()))
                .mapToLong(form -> CostUnit.BYTES.cost(site, target.dtype(), new Choice(form, recipe.rankMultiple())));
        return LongStream.concat(lowest, LongStream.of(target.weightBytes()))
                .min()
                .orElseThrow();
    }

    /// Name of what numbers are stored in.
    static String type(CompressionRecipe recipe) {
        var bits = recipe.storage().bits();
        if (bits != null) {
            return "bits:" + bits.id();
        }
        var blocks = recipe.storage().quantization();
        return blocks == null ? Bits.UNROUNDED : blocks.id();
    }
}
