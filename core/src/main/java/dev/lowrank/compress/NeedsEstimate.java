package dev.lowrank.compress;

import dev.lowrank.compress.CompressionPlan.Needs;
import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.MixedPrecision;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;

/// What a run will need, from shapes alone. Memory is the peak of its phases, which do not overlap, above
/// what the process holds throughout. What an allocator keeps of one phase for the next is not counted: on
/// the pocket model (64 windows of 512, two threads) the estimate is 0.82 of the measured peak for our own
/// recipe, 0.89 for `modegpt` and 0.99 for `svd-llm`.
final class NeedsEstimate {
    private static final long RUNTIME_BYTES = 450L << 20;

    /// What passes cost in forward passes in F32, as measured on SmolLM2-135M with 64 windows of 512.
    ///
    /// @param judging a forward pass and second moments, for decompositions that an update replaces
    /// @param gradient forward, again with gradients, backward, the sums
    /// @param update the whole model's forward pass, the cut model's in four parts, the moments
    private record Costs(double judging, double gradient, double update) {
        private static final Costs SINGLE = new Costs(WRITTEN, 5, 3.5);
        private static final Costs MIXED = new Costs(0.8, 3.4, 2.7);
    }

    /// Cost of a forward pass and second moments in F32.
    private static final double WRITTEN = 1.4;

    /// Validation windows that a trial is assumed to take: a plan is made without them.
    private static final int TRIAL_WINDOWS = 8;

    /// F64 copies of a weight that a decomposition holds.
    private static final int COPIES = 6;

    private final LanguageModel source;
    private final CompressionRecipe recipe;
    private final CalibrationShares shares;
    private final int window;
    private final List<LinearSite> sites;
    private final long blockParameters;
    private final long hidden;
    private final long widest;
    private final long largest;
    /// Not LibTorch's own number: a plan does not load it.
    private final int threads = Runtime.getRuntime().availableProcessors();

    private NeedsEstimate(LanguageModel source, CompressionRecipe recipe, CalibrationShares shares, int window) {
        this.source = source;
        this.recipe = recipe;
        this.shares = shares;
        this.window = window;
        sites = source.spec().blocks().getFirst().sites();
        hidden = source.spec().hiddenSize();
        blockParameters = sites.stream().mapToLong(LinearSite::weightParameters).sum();
        widest = most(site -> Math.max(site.in(), site.out()));
        largest = most(LinearSite::weightParameters);
    }

    private long most(ToLongFunction<LinearSite> of) {
        return sites.stream().mapToLong(of).max().orElse(0);
    }

    /// @param chosen what each target becomes
    /// @param others sites that stay as they are
    /// @param restBytes embeddings, norms and biases as written
    /// @param window tokens in a calibration window
    static Needs of(
            LanguageModel source,
            CompressionRecipe recipe,
            List<SitePlan> chosen,
            List<SitePlan> others,
            long restBytes,
            CalibrationShares shares,
            int window) {
        var estimate = new NeedsEstimate(source, recipe, shares, window);
        var output = chosen.stream().mapToLong(SitePlan::weightBytes).sum()
                + others.stream().mapToLong(SitePlan::weightBytes).sum()
                + restBytes;
        return new Needs(
                estimate.memory(restBytes),
                2 * output + estimate.working(chosen),
                estimate.flops(chosen) / CompressionPlan.ASSUMED_FLOPS + 3);
    }

    private long memory(long restBytes) {
        var table = source.spec().vocabSize() * hidden * 4;
        var phases = List.of(statistics(), modules(), stream(), update(), gradients(), trials(), decompositions());
        return RUNTIME_BYTES
                + blockParameters * 8
                + activations()
                + Math.min(restBytes, table)
                + phases.stream().mapToLong(Long::longValue).max().orElse(0);
    }

    /// What flows through a block: each thread one batch.
    private long activations() {
        var tokens = (long) Math.max(shares.most(), shares.metric()) * window;
        return Math.min(tokens, (long) threads * Math.max(window, Compression.BATCH_TOKENS)) * widest * 4 * 3;
    }

    /// Second moments of a block in F64, each thread its own, mirrored once; and what is decomposed by
    /// them.
    private long statistics() {
        if (shares.decomposition() == 0 || !needs(Statistic.SECOND_MOMENT)) {
            return 0;
        }
        var blocks = recipe.method() instanceof SharedBasis shared ? shared.blocks() : 1;
        return (threads * 6L + blocks * 4L) * square(hidden) + decompositions();
    }

    /// MLP widths squared: each thread's sum, then the whole, its ridge, factor and inverse.
    private long modules() {
        return needs(Statistic.MODULES) ? (threads + 4L) * square(inputs()) + decompositions() : 0;
    }

    /// The second moment of the residual stream: each thread's sum, then the whole, its axes and their
    /// making.
    private long stream() {
        return needs(Statistic.STREAM_MOMENT) ? (threads + 4L) * square(hidden) : 0;
    }

    /// Two sums of each thread over the widest inputs, one with what is not yet folded into it, and their
    /// products before they are added, then the temporaries of the fit; decompositions follow while the fit
    /// is held.
    private long update() {
        if (shares.update() == 0) {
            return 0;
        }
        var one = square(inputs());
        return threads * (2 * one + one / 2 + one) + Math.max(COPIES * one, 2 * one + decompositions());
    }

    /// One window's graph on each thread, sums over the gradients, a slice of logits; for evidence also the
    /// bases of a block.
    private long gradients() {
        if (shares.metric() + shares.curves() == 0) {
            return 0;
        }
        var outputs = sites.stream().mapToLong(LinearSite::out).sum();
        var attention = (long) source.spec().heads() * window * window;
        var graph = 4 * (4 * outputs * window + 2 * attention);
        var moments = shares.metric() == 0
                ? 0
                : sites.stream().mapToLong(site -> square(site.out()) * 3 / 2).sum();
        var bases = shares.curves() == 0
                ? 0
                : 4 * 2 * sites.stream().mapToLong(this::basis).sum();
        return threads * (graph + moments) + bases;
    }

    /// A candidate's factors of a block in F32, each thread one F64 decomposition that it is cut from.
    private long trials() {
        return asked().contains(Sensitivity.TRIAL_LOSS) ? blockParameters * 8 + decompositions() / 2 : 0;
    }

    /// Large sites are worked on one by one, others side by side; an output metric is a moment, its factor
    /// and a product more.
    private long decompositions() {
        var copies = largest * 8 * (COPIES + (needs(Statistic.OUTPUT_GRADIENT) ? 3 : 0));
        return copies * (largest <= SiteWork.SIDE_BY_SIDE ? Math.min(threads, sites.size()) : 1);
    }

    private boolean needs(Statistic statistic) {
        return recipe.method().info().needs().contains(statistic);
    }

    private long inputs() {
        return most(LinearSite::in);
    }

    private static long square(long width) {
        return width * width * 8;
    }

    private long basis(LinearSite site) {
        return (long) site.out() * Math.min(site.in(), site.out());
    }

    private double flops(List<SitePlan> chosen) {
        var forward = 2.0 * blockParameters * source.spec().blocks().size(); // of one token
        var decompositions = needs(Statistic.STREAM_MOMENT)
                ? rotationFlops()
                : chosen.stream()
                        .mapToDouble(site -> decomposeFlops(site.site()))
                        .sum();
        var costs = MixedPrecision.pays(source.spec()) ? Costs.MIXED : Costs.SINGLE;
        return forward
                        * window
                        * (shares.decomposition() * (recipe.update() == null ? WRITTEN : costs.judging())
                                + shares.influence()
                                + gradientWindows() * costs.gradient()
                                + shares.update() * costs.update())
                + decompositions * (recipe.update() == null ? 1 : 2)
                + trials(chosen) * forward * TRIAL_WINDOWS * window;
    }

    private long trials(List<SitePlan> chosen) {
        return recipe.method() instanceof SiteMethod ? recipe.allocator().trials(chosen.size()) : 0;
    }

    /// Windows of all gradient passes: one for the metric, one for each kind of labels that the allocator
    /// asks for.
    private int gradientWindows() {
        return shares.metric() + shares.curves() * Evidences.labels(asked()).size();
    }

    private Set<Sensitivity> asked() {
        return recipe.allocator().info().needs();
    }

    /// Working files: streams between blocks, and what waits for its rank.
    private long working(List<SitePlan> chosen) {
        var stream = hidden * 4 * window;
        return 2 * stream * shares.most()
                + (source.spec().blocks().size() + 2L) * stream * (shares.metric() + shares.curves())
                + (long) shares.update() * window * (4 * hidden + 2 * widest) * 4
                + bases(chosen);
    }

    /// Working files of a run that sees the whole model before it cuts.
    private long bases(List<SitePlan> chosen) {
        var gradients = needs(Statistic.OUTPUT_GRADIENT);
        var bytes = 0L;
        for (var plan : chosen) {
            var site = plan.site();
            bytes += (recipe.ranksKnownAhead() || !(recipe.method() instanceof SiteMethod)
                            ? 0
                            : basis(site) * 8 * (gradients ? 2 : 1))
                    + (gradients ? (long) site.out() * site.out() * 4 : 0);
        }
        return bytes;
    }

    /// Eigen-decomposition of the smaller side and the products around it, in F64 and so counted double.
    private static double decomposeFlops(LinearSite site) {
        var small = (double) Math.min(site.in(), site.out());
        return 2 * (25 * small * small * small + 6 * small * site.in() * site.out());
    }

    /// One eigen-decomposition of the stream, and a product with every matrix of the model.
    private double rotationFlops() {
        var numbers = (double) blockParameters * source.spec().blocks().size()
                + 2.0 * source.spec().vocabSize() * hidden;
        return 2 * (25.0 * hidden * hidden * hidden + 2 * numbers * hidden);
    }
}
