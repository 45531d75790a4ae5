package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.method.StreamRotation;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// What methods that look at more than one linear will do, as far as headers tell, and what they refuse.
final class WholePlans {
    private WholePlans() {}

    /// Refuses targets that a method cannot treat apart, and architectures that it does not fit.
    static void check(LanguageModel source, CompressionRecipe recipe) {
        var id = recipe.method().info().id();
        switch (recipe.method()) {
            case SiteMethod _, SharedBasis _ -> {}
            case BlockRemoval _ -> {
                if (!recipe.targets().isEmpty()) {
                    throw new IllegalArgumentException(
                            "The method " + id + " removes whole blocks; leave --targets out, --protect keeps blocks");
                }
            }
            case ModuleMethod _ -> {
                var modules = WidthPlan.modules(recipe.targets());
                if (modules.isEmpty()) {
                    throw new IllegalArgumentException("The method " + id + " narrows modules, whose linears go"
                            + " together: --targets takes q,k or v,o or gate,up,down, or several of these");
                }
                WidthPlan.checkArchitecture(source, id);
            }
            case StreamRotation _ -> StreamPlan.check(source, recipe);
        }
    }

    /// What each target is expected to become; exact where nothing has to be measured.
    static List<SitePlan> expected(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        return switch (recipe.method()) {
            case SiteMethod _ -> throw new IllegalStateException("Its allocator plans it");
            case BlockRemoval _ -> removal(source, recipe, targets);
            case ModuleMethod _ -> narrowing(source, recipe, targets);
            case SharedBasis method -> new SharedRanks(source, recipe, method, targets).plans();
            case StreamRotation _ -> streaming(source, recipe, targets);
        };
    }

    /// As if the last blocks but one went: which they are is not known yet, how many is.
    private static List<SitePlan> removal(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        var removable = removable(source, recipe, targets);
        var count = removals(source, recipe, targets);
        var end = Math.min(removable.size(), Math.max(count, removable.size() - 1));
        var gone = new HashSet<>(removable.subList(end - count, end));
        return targets.stream()
                .map(site -> {
                    var dtype = CompressionPlan.dtype(source, recipe, site);
                    return gone.contains(site.layer()) ? SitePlan.removed(site, dtype) : SitePlan.dense(site, dtype);
                })
                .toList();
    }

    /// The blocks that a removal may take, in execution order.
    static List<Integer> removable(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        var blocks = targets.stream().map(LinearSite::layer).distinct().sorted().toList();
        return recipe.method() instanceof BlockRemoval method
                ? method.removable(blocks, source.spec().blocks().size() - 1)
                : blocks;
    }

    /// The fewest blocks whose removal meets the budget.
    ///
    /// @throws IllegalArgumentException if nothing would be left
    static int removals(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        var unit = recipe.budget().unit();
        var dense = targets.stream()
                .mapToLong(site -> cost(source, recipe, unit, site))
                .sum();
        var limit = recipe.budget().limit(dense);
        var blocks = targets.stream().map(LinearSite::layer).distinct().count();
        if (dense <= limit || blocks == 0) {
            return 0;
        }
        // Every block of the supported architectures costs the same.
        var count = (int) Math.ceilDiv(dense - limit, dense / blocks);
        if (count >= source.spec().blocks().size()) {
            throw new IllegalArgumentException("The budget of " + limit + " " + unit.id()
                    + " leaves no block: each costs " + dense / blocks + "; keep more");
        }
        var removable = removable(source, recipe, targets).size();
        if (count > removable) {
            throw new IllegalArgumentException("The budget asks for the removal of " + count + " blocks; the method "
                    + recipe.method().info().id() + " may remove " + removable + " of these; keep more");
        }
        return count;
    }

    private static long cost(LanguageModel source, CompressionRecipe recipe, CostUnit unit, LinearSite site) {
        return unit.cost(site, CompressionPlan.dtype(source, recipe, site), Choice.dense(site));
    }

    private static List<SitePlan> narrowing(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        var evenly = new double[source.spec().blocks().size()];
        var widths = WidthPlan.of(source, recipe, targets).decide(evenly);
        var sites = Set.copyOf(targets);
        return source.spec().blocks().stream()
                .flatMap(block -> block.sites().stream()
                        .filter(sites::contains)
                        .map(site -> SitePlan.narrowed(
                                site,
                                WidthPlan.narrowed(source.spec(), site, widths.get(block.index())),
                                CompressionPlan.dtype(source, recipe, site))))
                .toList();
    }

    private static List<SitePlan> streaming(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        var width = StreamPlan.of(source, recipe, targets).width();
        return targets.stream()
                .map(site -> SitePlan.narrowed(
                        site, StreamPlan.narrowed(site, width), CompressionPlan.dtype(source, recipe, site)))
                .toList();
    }

    /// What the written model is, as far as headers tell.
    static DecoderSpec written(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        return recipe.method() instanceof StreamRotation
                ? StreamPlan.of(source, recipe, targets).blueprint().spec()
                : source.spec();
    }
}
