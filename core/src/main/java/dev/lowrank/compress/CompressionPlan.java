package dev.lowrank.compress;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.Compute;
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

    private static final long RUNTIME_BYTES = 450L << 20;
    /// Cost of a gradient pass in forward passes: forward, again with gradients, backward, the sums.
    private static final double GRADIENT_COST = 5;
    /// Cost of the sequential update in forward passes: the whole model's, the cut model's in four parts,
    /// the moments.
    private static final double UPDATE_COST = 6;

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
        WholePlans.check(source, recipe);
        var bySite = recipe.method() instanceof SiteMethod;
        var known = bySite && recipe.ranksKnownAhead() && !targets.isEmpty();
        var allocation = known ? allocate(source, recipe, recipe.allocator(), targets) : null;
        var expected = !bySite || allocation != null || targets.isEmpty() || recipe.budget() instanceof Budget.Unbounded
                ? allocation
                : allocate(source, recipe, Allocators.of("uniform", AllocatorOptions.DEFAULT), targets);
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
                needs(source, recipe, chosen, others, restParameters * restType.bytes(), shares, window));
    }

    private static SitePlan plan(
            LanguageModel source, CompressionRecipe recipe, LinearSite site, @Nullable Allocation expected) {
        var dtype = dtype(source, recipe, site);
        return expected == null ? SitePlan.dense(site, dtype) : SitePlan.of(site, expected.of(site), dtype);
    }

    private static Allocation allocate(
            LanguageModel source, CompressionRecipe recipe, Allocator allocator, List<LinearSite> targets) {
        var evidence = targets.stream()
                .map(site -> Evidence.of(site, dtype(source, recipe, site)))
                .toList();
        return allocator.allocate(recipe.problem(evidence, null));
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

    private static Needs needs(
            LanguageModel source,
            CompressionRecipe recipe,
            List<SitePlan> chosen,
            List<SitePlan> others,
            long restBytes,
            CalibrationShares shares,
            int window) {
        var spec = source.spec();
        var block = spec.blocks().getFirst();
        var blockParameters =
                block.sites().stream().mapToLong(LinearSite::weightParameters).sum();
        var widest = block.sites().stream()
                .mapToLong(site -> Math.max(site.in(), site.out()))
                .max()
                .orElse(spec.hiddenSize());
        var calibrated = recipe.needsCalibration();
        var tokens = calibrated ? (long) shares.most() * window : 0;
        var moment = recipe.method().info().needs().contains(Statistic.SECOND_MOMENT);
        var stream = recipe.method().info().needs().contains(Statistic.STREAM_MOMENT);
        var square = (long) spec.hiddenSize() * spec.hiddenSize() * 8;
        var grams = (moment ? 4 * square : 0) + (stream ? (Compute.threads() + 4) * square : 0);
        var largest = block.sites().stream()
                .mapToLong(LinearSite::weightParameters)
                .max()
                .orElse(0);
        var activations = Math.min(tokens, Compression.BATCH_TOKENS) * widest * 4 * 6;
        var memory = RUNTIME_BYTES
                + blockParameters * 8
                + grams
                + largest * 8 * 6
                + activations
                + Math.min(restBytes, source.spec().vocabSize() * (long) spec.hiddenSize() * 4);
        var output = chosen.stream().mapToLong(SitePlan::weightBytes).sum()
                + others.stream().mapToLong(SitePlan::weightBytes).sum()
                + restBytes;
        var hidden = calibrated ? 2 * tokens * spec.hiddenSize() * 4 : 0;
        var decompositions = stream
                ? rotationFlops(spec)
                : chosen.stream()
                        .mapToDouble(site -> decomposeFlops(site.site()))
                        .sum();
        var forward = 2.0 * blockParameters * spec.blocks().size(); // of one token
        var update = recipe.update();
        var gradientTokens = (long) gradientWindows(recipe, shares) * window;
        var decomposed = (long) shares.decomposition() * window;
        var updated = (long) shares.update() * window;
        var flops = decomposed * forward * 1.4
                + gradientTokens * forward * GRADIENT_COST
                + updated * forward * UPDATE_COST
                + decompositions * (update == null ? 1 : 2);
        var working = hidden
                + (spec.blocks().size() + 2L) * gradientTokens * spec.hiddenSize() * 4
                + updated * (4L * spec.hiddenSize() + 2 * widest) * 4
                + bases(recipe, chosen);
        return new Needs(memory + felt(recipe, largest), 2 * output + working, flops / ASSUMED_FLOPS + 3);
    }

    /// Windows of all gradient passes: one for the metric, one for each kind of labels that the allocator
    /// asks for.
    private static int gradientWindows(CompressionRecipe recipe, CalibrationShares shares) {
        return shares.metric()
                + shares.curves()
                        * Evidences.labels(recipe.allocator().info().needs()).size();
    }

    /// Working files of a run that sees the whole model before it cuts.
    private static long bases(CompressionRecipe recipe, List<SitePlan> chosen) {
        var gradients = recipe.method().info().needs().contains(Statistic.OUTPUT_GRADIENT);
        var bytes = 0L;
        for (var plan : chosen) {
            var site = plan.site();
            var basis = (long) site.out() * Math.min(site.in(), site.out()) * 8;
            bytes += (recipe.ranksKnownAhead() || !(recipe.method() instanceof SiteMethod)
                            ? 0
                            : basis * (gradients ? 2 : 1))
                    + (gradients ? (long) site.out() * site.out() * 4 : 0);
        }
        return bytes;
    }

    /// Memory of an output metric beside the largest weight: the moment, its factor, and a product.
    private static long felt(CompressionRecipe recipe, long largest) {
        return recipe.method().info().needs().contains(Statistic.OUTPUT_GRADIENT) ? largest * 8 * 3 : 0;
    }

    /// Eigen-decomposition of the smaller side and the products around it, in F64 and so counted double.
    private static double decomposeFlops(LinearSite site) {
        var small = (double) Math.min(site.in(), site.out());
        return 2 * (25 * small * small * small + 6 * small * site.in() * site.out());
    }

    /// One eigen-decomposition of the stream, and a product with every matrix of the model.
    private static double rotationFlops(DecoderSpec spec) {
        var width = (double) spec.hiddenSize();
        var numbers = spec.sites().mapToLong(LinearSite::weightParameters).sum() + 2.0 * spec.vocabSize() * width;
        return 2 * (25 * width * width * width + 2 * numbers * width);
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
                        .mapToLong(
                                plan -> plan.parametersBefore() * plan.dtype().bytes())
                        .sum()
                + rest * restType.bytes();
    }
}
