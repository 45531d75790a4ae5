package dev.lowrank.compress;

import dev.lowrank.compress.allocate.BlockAllocator;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.DecoderSpec.Heads;
import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// Spends a budget on the widths of blocks: the allocator says which share of its cost each block keeps,
/// whole rotary pairs and channels come as near to that share as they can from below. What is narrowed has
/// a multiple of the recipe's rank multiple in rows or columns, unless the whole width has not as many.
final class WidthPlan {
    /// Halvings of the interval in which the strength of the cut is searched.
    private static final int HALVINGS = 60;

    private final LanguageModel source;
    private final CompressionRecipe recipe;
    private final DecoderSpec spec;
    private final Set<LinearSite> targets;
    private final Set<Module> modules;

    private WidthPlan(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        this.source = source;
        this.recipe = recipe;
        this.spec = source.spec();
        this.targets = Set.copyOf(targets);
        this.modules = modules(recipe.targets());
    }

    /// Linears that are narrowed together.
    enum Module {
        QUERY_KEY(Role.Q_PROJ, Role.K_PROJ),
        VALUE_OUTPUT(Role.V_PROJ, Role.O_PROJ),
        MLP(Role.GATE_PROJ, Role.UP_PROJ, Role.DOWN_PROJ);

        private final Set<Role> roles;

        Module(Role first, Role... others) {
            roles = EnumSet.of(first, others);
        }
    }

    static WidthPlan of(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        return new WidthPlan(source, recipe, targets);
    }

    /// The modules of some roles.
    ///
    /// @param roles empty for all
    /// @return empty if some module is there in part
    static Set<Module> modules(Set<Role> roles) {
        var found = EnumSet.noneOf(Module.class);
        var covered = EnumSet.noneOf(Role.class);
        for (var module : Module.values()) {
            if (roles.isEmpty() || roles.containsAll(module.roles)) {
                found.add(module);
                covered.addAll(module.roles);
            }
        }
        return roles.isEmpty() || covered.equals(roles) ? found : Set.of();
    }

    /// Refuses an architecture whose modules are built otherwise.
    static void checkArchitecture(LanguageModel source, String method) {
        var spec = source.spec();
        var fits = spec.positions() instanceof Positions.Rotary
                && spec.blocks().stream()
                        .allMatch(block ->
                                block.gated() && block.site(Role.Q_PROJ).isPresent());
        if (!fits) {
            throw new IllegalArgumentException("The method " + method + " narrows blocks with separate query, key and"
                    + " value, rotary positions and a gated MLP (llama, qwen2); " + spec.modelType()
                    + " has a fused query/key/value. Methods that fit it: shortgpt, sleb, basis-sharing and all that"
                    + " treat linears one by one");
        }
    }

    private static BlockWidths whole(DecoderSpec spec, Block block) {
        return new BlockWidths(block.require(Role.DOWN_PROJ).in(), Heads.whole(spec.headDim()));
    }

    /// The widths of a block as it is.
    BlockWidths whole(int block) {
        return whole(spec, spec.blocks().get(block));
    }

    /// Chooses widths.
    ///
    /// @param influence of each block; ignored where the allocator does not ask
    /// @return widths of each block without rotary pairs; whole for blocks that are no targets
    /// @throws IllegalArgumentException if the budget is below the smallest widths
    List<BlockWidths> decide(double[] influence) {
        var spread = (BlockAllocator) recipe.allocator();
        var dense = targets.stream().mapToLong(site -> cost(site, site)).sum();
        var limit = recipe.budget().limit(dense);
        if (dense <= limit) {
            return widths(spread.kept(influence, 0));
        }
        var low = 0.0; // too much is kept
        var high = 1.0;
        while (cost(widths(spread.kept(influence, high))) > limit) {
            low = high;
            high *= 2;
            if (high > 1e12) {
                throw new IllegalArgumentException("The budget of " + limit + " "
                        + recipe.budget().unit().id() + " is below what the narrowest blocks cost; keep more");
            }
        }
        for (var i = 0; i < HALVINGS; i++) {
            var middle = (low + high) / 2;
            if (cost(widths(spread.kept(influence, middle))) > limit) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return widths(spread.kept(influence, high));
    }

    private List<BlockWidths> widths(double[] kept) {
        // Blocks that are protected take no part in spreading; what they would give up stays.
        var widths = new ArrayList<BlockWidths>();
        for (var block : spec.blocks()) {
            var target = block.sites().stream().anyMatch(targets::contains);
            widths.add(target ? widths(block, kept[block.index()]) : whole(spec, block));
        }
        return widths;
    }

    private BlockWidths widths(Block block, double share) {
        var whole = whole(spec, block);
        if (share >= 1) {
            return whole;
        }
        var d = spec.headDim();
        var pairs = d / 2;
        var keyDim = modules.contains(Module.QUERY_KEY) ? multiple(2 * (int) (share * pairs), evenly(2), d) : d;
        var valueDim = modules.contains(Module.VALUE_OUTPUT) ? multiple((int) (share * d), evenly(1), d) : d;
        var heads = new Heads(keyDim, valueDim, List.of());
        if (!modules.contains(Module.MLP)) {
            return new BlockWidths(whole.intermediate(), heads);
        }
        var limit = share * cost(block, whole);
        var low = 1;
        var high = whole.intermediate();
        while (low < high) {
            var middle = (low + high + 1) / 2;
            if (cost(block, new BlockWidths(middle, heads)) <= limit) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return new BlockWidths(multiple(low, recipe.rankMultiple(), whole.intermediate()), heads);
    }

    /// The smallest width of a head, in steps of some, at which the rows of all heads of a matrix are the
    /// recipe's multiple.
    private int evenly(int step) {
        var width = step;
        while ((long) width * spec.kvHeads() % recipe.rankMultiple() != 0) {
            width += step;
        }
        return width;
    }

    /// A width rounded down to a multiple, but not to nothing; the whole width needs no rounding.
    private static int multiple(int wanted, int step, int whole) {
        return wanted >= whole ? whole : Math.min(whole, Math.max(step, wanted - wanted % step));
    }

    private long cost(List<BlockWidths> widths) {
        return spec.blocks().stream()
                .mapToLong(block -> cost(block, widths.get(block.index())))
                .sum();
    }

    private long cost(Block block, BlockWidths widths) {
        var sum = 0L;
        for (var site : block.sites()) {
            if (targets.contains(site)) {
                sum += cost(site, narrowed(spec, site, widths));
            }
        }
        return sum;
    }

    private long cost(LinearSite site, LinearSite narrow) {
        return recipe.budget().unit().cost(narrow, CompressionPlan.dtype(source, recipe, site), Choice.dense(narrow));
    }

    /// A site of a block with other widths.
    static LinearSite narrowed(DecoderSpec spec, LinearSite site, BlockWidths widths) {
        var keys = widths.heads().keyDim();
        var values = widths.heads().valueDim();
        return switch (site.role()) {
            case Q_PROJ -> sized(site, site.in(), spec.heads() * keys);
            case K_PROJ -> sized(site, site.in(), spec.kvHeads() * keys);
            case V_PROJ -> sized(site, site.in(), spec.kvHeads() * values);
            case O_PROJ -> sized(site, spec.heads() * values, site.out());
            case GATE_PROJ, UP_PROJ -> sized(site, site.in(), widths.intermediate());
            case DOWN_PROJ -> sized(site, widths.intermediate(), site.out());
            case QKV_PROJ -> throw new IllegalStateException(site.name() + " is fused");
        };
    }

    private static LinearSite sized(LinearSite site, int in, int out) {
        return new LinearSite(site.layer(), site.role(), site.name(), in, out, site.bias(), site.layout());
    }
}
