package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Which linears share a basis, and how many vectors it has: `⌊ρ n Σm / (n + Σm)⌋` for weights `[m, n]`, so
/// that every group keeps the same share. A group that would not be smaller in two factors stays dense.
///
/// Source: Basis Sharing, arXiv:2410.03765. Deviation: linears that do not share obey the same rule alone.
final class SharedRanks {
    private final LanguageModel source;
    private final CompressionRecipe recipe;
    private final SharedBasis method;
    private final Set<LinearSite> targets;

    SharedRanks(LanguageModel source, CompressionRecipe recipe, SharedBasis method, List<LinearSite> targets) {
        this.source = source;
        this.recipe = recipe;
        this.method = method;
        this.targets = new HashSet<>(targets);
    }

    /// Linears with one basis; the first stores it.
    ///
    /// @param sites of one role, of neighbouring blocks
    /// @param rank basis vectors; 0 where the sites stay dense
    record Group(List<LinearSite> sites, int rank) {}

    /// Neighbouring blocks that are cut together, from the first on.
    List<List<Block>> neighbours() {
        var all = source.spec().blocks();
        var groups = new ArrayList<List<Block>>();
        for (var first = 0; first < all.size(); first += method.blocks()) {
            groups.add(all.subList(first, Math.min(all.size(), first + method.blocks())));
        }
        return groups;
    }

    /// The groups of some neighbouring blocks, in execution order of their first sites.
    List<Group> groups(List<Block> blocks) {
        var groups = new ArrayList<Group>();
        var byRole = new LinkedHashMap<Role, List<LinearSite>>();
        for (var block : blocks) {
            for (var site : block.sites()) {
                if (!targets.contains(site)) {
                    continue;
                }
                if (method.shares(site.role())) {
                    byRole.computeIfAbsent(site.role(), any -> new ArrayList<>())
                            .add(site);
                } else {
                    groups.add(group(List.of(site)));
                }
            }
        }
        byRole.values().forEach(sites -> groups.add(group(sites)));
        return groups;
    }

    private Group group(List<LinearSite> sites) {
        var unit = recipe.budget().unit();
        var dense = 0L;
        var weights = 0L;
        var out = 0L;
        var total = 0L;
        for (var site : targets) {
            total += unit.cost(site, CompressionPlan.dtype(source, recipe, site), Choice.dense(site));
        }
        for (var site : sites) {
            dense += unit.cost(site, CompressionPlan.dtype(source, recipe, site), Choice.dense(site));
            weights += site.weightParameters();
            out += site.out();
        }
        var share = recipe.budget().share(total);
        // A decoded token reads the shared factor in every block.
        var in = sites.getFirst().in() * (unit == CostUnit.DECODE_BYTES ? (long) sites.size() : 1);
        var dtype = CompressionPlan.dtype(source, recipe, sites.getFirst());
        var each = unit == CostUnit.PARAMETERS ? 1 : dtype.bytes();
        var biases = dense - each * weights; // what a unit counts besides the numbers of the weight
        var rank = (int) Math.min(
                (double) Math.min(sites.getFirst().in(), out),
                (share * dense - (double) biases) / each / (double) (in + out));
        rank -= rank % recipe.rankMultiple();
        if (recipe.budget().limit(total) >= total || rank * (in + out) >= weights) {
            return new Group(sites, 0);
        }
        if (rank < 1) {
            throw new IllegalArgumentException("The budget leaves no basis vector for "
                    + sites.getFirst().name() + " and its neighbours, which cost " + (in + out)
                    + " numbers each; keep more");
        }
        return new Group(sites, rank);
    }

    /// What each target becomes, in execution order.
    List<SitePlan> plans() {
        var plans = new LinkedHashMap<LinearSite, SitePlan>();
        for (var blocks : neighbours()) {
            groups(blocks).forEach(group -> plans.putAll(plans(group)));
        }
        return source.spec().sites().filter(plans::containsKey).map(plans::get).toList();
    }

    /// What each site of a group becomes.
    Map<LinearSite, SitePlan> plans(Group group) {
        var plans = new LinkedHashMap<LinearSite, SitePlan>();
        for (var site : group.sites()) {
            var dtype = CompressionPlan.dtype(source, recipe, site);
            var owner = site.equals(group.sites().getFirst());
            plans.put(
                    site,
                    group.rank() == 0
                            ? SitePlan.dense(site, dtype)
                            : SitePlan.shared(site, group.rank(), owner, dtype));
        }
        return plans;
    }
}
