package dev.lowrank.compress;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What a run will do, told from headers alone: ranks, parameters, bytes, work per token, memory, disk and
/// time.
///
/// @param recipe what was asked
/// @param allocation the ranks; null where the allocator must see the model first, or nothing has ranks
/// @param targets the sites that may change; where ranks are not known yet, as the uniform rule would spend
///     the budget, and dense where there is none
/// @param others sites that stay as they are
/// @param parametersBefore numbers of the whole source
/// @param sourceBytes bytes of the source's weight files
/// @param restParameters numbers of embeddings, head, norms and biases as they will be written
/// @param headParameters those among them of a head of its own, where the source's is its embedding; else 0
/// @param restType element type of most of them
/// @param shares how many calibration windows each part of the run sees
/// @param need predicted needs of the run
public record CompressionPlan(
        CompressionRecipe recipe,
        @Nullable Allocation allocation,
        List<SitePlan> targets,
        List<SitePlan> others,
        long parametersBefore,
        long sourceBytes,
        long restParameters,
        long headParameters,
        DType restType,
        CalibrationShares shares,
        Needs need) {

    /// Predicted needs.
    ///
    /// @param memoryBytes peak of the process
    /// @param diskBytes output and working files together
    /// @param seconds at [#ASSUMED_FLOPS]
    public record Needs(long memoryBytes, long diskBytes, double seconds) {}

    /// Assumed F32 matrix speed of two cores, in floating point operations per second, for the time
    /// estimate.
    public static final double ASSUMED_FLOPS = 150e9;

    /// Plans a run.
    ///
    /// @param samples calibration windows
    /// @param window tokens in each
    /// @throws IllegalArgumentException for targets or layers that the model does not have, or a budget
    ///     below rank
    ///     1
    /// @throws CheckpointException if the source is compressed already
    public static CompressionPlan of(LanguageModel source, CompressionRecipe recipe, int samples, int window) {
        var targets = targets(source, recipe).toList();
        EncoderPlans.check(source, recipe);
        WholePlans.check(source, recipe);
        var bySite = recipe.method() instanceof SiteMethod;
        var known = bySite && recipe.ranksKnownAhead() && !targets.isEmpty();
        var even = Allocators.of("uniform", AllocatorOptions.DEFAULT);
        var spender = recipe.keepsAll() ? even : recipe.allocator();
        var allocation = known ? allocate(source, recipe, spender, targets) : null;
        var expected = !bySite || allocation != null || targets.isEmpty() || recipe.budget() instanceof Budget.Unbounded
                ? allocation
                : guess(source, recipe, even, targets);
        var chosen = bySite
                ? targets.stream()
                        .map(site -> plan(source, recipe, site, expected))
                        .toList()
                : WholePlans.expected(source, recipe, targets);
        var others = source.spec()
                .sites()
                .filter(site -> !targets.contains(site))
                .map(site -> SitePlan.dense(site, dtype(source, recipe, site)))
                .toList();
        var written = WholePlans.written(source, recipe, targets);
        var siteParameters =
                source.spec().sites().mapToLong(LinearSite::weightParameters).sum();
        var rest = source.weights().parameters() - siteParameters;
        var restParameters = written.hiddenSize() == source.spec().hiddenSize()
                        && written.tied() == source.spec().tied()
                ? rest
                : StreamPlan.rest(written);
        var restType = embeddingType(source, recipe);
        var shares = CalibrationShares.of(recipe, samples);
        return new CompressionPlan(
                recipe,
                allocation,
                chosen,
                others,
                source.weights().parameters(),
                source.checkpoint().weightBytes(),
                restParameters,
                source.spec().tied() && !written.tied() ? (long) written.vocabSize() * written.hiddenSize() : 0,
                restType,
                shares,
                NeedsEstimate.of(source, recipe, chosen, others, restParameters * restType.bytes(), shares, window));
    }

    /// The uniform rule in place of one that must see the model; null where whole blocks leave it no rank.
    private static @Nullable Allocation guess(
            LanguageModel source, CompressionRecipe recipe, Allocator even, List<LinearSite> targets) {
        if (recipe.storage().bits() != null) {
            return null; // evenly in plain numbers says nothing of what types leave
        }
        if (recipe.storage().quantization() == null) {
            return allocate(source, recipe, even, targets);
        }
        try {
            return allocate(source, recipe, even, targets);
        } catch (IllegalArgumentException coarse) {
            return null;
        }
    }

    private static SitePlan plan(
            LanguageModel source, CompressionRecipe recipe, LinearSite site, @Nullable Allocation expected) {
        var dtype = storedType(source, recipe, site);
        var plan = expected == null ? SitePlan.dense(site, dtype) : SitePlan.of(site, expected.of(site), dtype);
        return withOutliers(recipe, plan, embeddingType(source, recipe));
    }

    /// @param values element type of most plain numbers
    private static SitePlan withOutliers(CompressionRecipe recipe, SitePlan plan, DType values) {
        var outliers = recipe.storage().outliers();
        var loses = recipe.storage().quantization() != null || !plan.keptDense();
        return outliers != null && loses
                ? plan.with(outliers.count(plan.site().out(), plan.site().in()), values)
                : plan;
    }

    private static Allocation allocate(
            LanguageModel source, CompressionRecipe recipe, Allocator allocator, List<LinearSite> targets) {
        var evidence = targets.stream()
                .map(site -> Evidence.of(site, storedType(source, recipe, site)))
                .toList();
        return allocator.allocate(recipe.problem(evidence, null));
    }

    /// The same with ranks that were decided after it was made.
    CompressionPlan decided(Allocation chosen) {
        var cut = targets.stream()
                .map(target -> withOutliers(
                        recipe, SitePlan.of(target.site(), chosen.of(target.site()), target.dtype()), restType))
                .toList();
        return new CompressionPlan(
                recipe,
                chosen,
                cut,
                others,
                parametersBefore,
                sourceBytes,
                restParameters,
                headParameters,
                restType,
                shares,
                need);
    }

    /// The sites that a recipe compresses, in execution order.
    static Stream<LinearSite> targets(LanguageModel source, CompressionRecipe recipe) {
        var present = source.spec()
                .sites()
                .map(LinearSite::role)
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Role.class)));
        for (var role : recipe.targets()) {
            if (!present.contains(role)) {
                throw new IllegalArgumentException("The model has no target '" + role.id() + "'; it has "
                        + present.stream().map(Role::id).collect(Collectors.joining(", ")));
            }
        }
        for (var layer : recipe.protectedLayers()) {
            if (layer < 0 || layer >= source.spec().blocks().size()) {
                throw new IllegalArgumentException(
                        "There is no layer " + layer + " to protect; the model has layers 0 to "
                                + (source.spec().blocks().size() - 1));
            }
        }
        if (source.checkpoint().config().lowrank() != null) {
            throw source.checkpoint()
                    .config()
                    .unsupported(
                            "lowrank",
                            "a model that is compressed already",
                            "the original model; compress that to the budget you want");
        }
        return source.spec()
                .sites()
                .filter(site -> recipe.targets().isEmpty() || recipe.targets().contains(site.role()))
                .filter(site -> !recipe.protectedLayers().contains(site.layer()));
    }

    /// The type that a target is stored in unless one is chosen for it: its element type, or the blocks
    /// that are asked for.
    static DType storedType(LanguageModel source, CompressionRecipe recipe, LinearSite site) {
        var blocks = recipe.storage().quantization();
        return blocks == null ? dtype(source, recipe, site) : blocks.type();
    }

    /// The element type that a site is written in.
    static DType dtype(LanguageModel source, CompressionRecipe recipe, LinearSite site) {
        return dtype(source, recipe, site.name() + ".weight");
    }

    /// The element type of embeddings and head.
    static DType embeddingType(LanguageModel source, CompressionRecipe recipe) {
        return dtype(source, recipe, source.spec().embedding() + ".weight");
    }

    private static DType dtype(LanguageModel source, CompressionRecipe recipe, String tensor) {
        if (recipe.dtype() != null) {
            return recipe.dtype();
        }
        if (!source.checkpoint().names().contains(tensor)) {
            return source.weights().storedType();
        }
        var info = source.checkpoint().info(tensor);
        var plain = info.storedType().equals(info.dtype().name());
        return plain && info.dtype().isFloating() && info.dtype().bytes() >= 2 ? info.dtype() : DType.BF16;
    }

    /// Whether the ranks are decided.
    public boolean ranksKnown() {
        return allocation != null || targets.isEmpty();
    }

    /// Numbers of the target linears before.
    public long targetParametersBefore() {
        return targets.stream().mapToLong(SitePlan::parametersBefore).sum();
    }

    /// Numbers of the target linears after.
    public long targetParametersAfter() {
        return targets.stream().mapToLong(SitePlan::parametersAfter).sum();
    }

    /// Numbers of the whole model after.
    public long parametersAfter() {
        return targetParametersAfter()
                + others.stream().mapToLong(SitePlan::parametersAfter).sum()
                + restParameters;
    }

    /// Bytes of the weights after.
    public long bytesAfter() {
        return Stream.concat(targets.stream(), others.stream())
                        .mapToLong(SitePlan::weightBytes)
                        .sum()
                + restParameters * restType.bytes();
    }

    /// Bytes of the same model written dense in the same element types.
    public long bytesDense() {
        var sites = Stream.concat(targets.stream(), others.stream()).toList();
        var rest = parametersBefore
                - sites.stream().mapToLong(SitePlan::parametersBefore).sum();
        return sites.stream()
                        .mapToLong(plan ->
                                SitePlan.dense(plan.site(), plan.dtype()).weightBytes())
                        .sum()
                + rest * restType.bytes();
    }
}
