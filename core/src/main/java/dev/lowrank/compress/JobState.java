package dev.lowrank.compress;

import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.PerplexityIncrease;
import dev.lowrank.compress.allocate.TrialLoss;
import dev.lowrank.compress.allocate.UnspendableBudgetException;
import dev.lowrank.compress.allocate.WithinBound;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// One output of a run while it is being made.
///
/// The probe is a short window of random tokens that flows through the compressed blocks as they are in
/// memory; when the folder is finished, the reopened model must give the same.
final class JobState implements AutoCloseable {
    private static final int PROBE_TOKENS = 32;

    final Compression.Job job;
    final CompressionPlan plan;
    final OutputFolder folder;
    final RunState state;
    final ObjectNode fingerprint;
    final int[] probeTokens;
    final Stopwatch time = new Stopwatch();
    final List<RunState.Entry> entries = new ArrayList<>();
    /// The residual stream of the probe, as wide as the model that is written.
    HiddenStates probe;

    private final Set<LinearSite> targets;
    private @Nullable Allocation allocation;
    private Blueprint blueprint;
    private List<String> notes = List.of();
    private List<SiteReport> removed = List.of();
    private @Nullable Path replaced;
    private @Nullable BoundSearch taken;

    JobState(
            Compression.Job job,
            CompressionPlan plan,
            OutputFolder folder,
            RunState state,
            ObjectNode fingerprint,
            Blueprint blueprint) {
        var spec = blueprint.spec();
        this.blueprint = blueprint;
        this.job = job;
        this.plan = plan;
        this.folder = folder;
        this.state = state;
        this.fingerprint = fingerprint;
        this.allocation = plan.allocation();
        this.targets = plan.targets().stream().map(SitePlan::site).collect(Collectors.toUnmodifiableSet());
        var random = new SplittableRandom(job.recipe().seed());
        this.probeTokens = random.ints(Math.min(PROBE_TOKENS, spec.maxPositions()), 0, spec.vocabSize())
                .toArray();
        this.probe = probe();
    }

    private HiddenStates probe() {
        return new HiddenStates(
                state.roundFolder(),
                "probe",
                probeTokens.length,
                blueprint.spec().hiddenSize());
    }

    /// The bound that what is written must meet; null for none.
    @Nullable
    WithinBound bound() {
        return !plan.ranksKnown()
                        && recipe().allocator() instanceof WithinBound within
                        && within.bound() instanceof PerplexityIncrease
                ? within
                : null;
    }

    /// What such a bound allows the loss to rise, in nats per token.
    static double nats(WithinBound within) {
        if (within.bound() instanceof PerplexityIncrease increase) {
            return increase.nats();
        }
        throw new IllegalArgumentException("Not a bound on perplexity: " + within.bound());
    }

    /// Whether an earlier run left nothing to do but to finish the output.
    boolean done() {
        var search = state.search();
        return bound() == null
                ? allocated() && cut(blueprint.spec().blocks().size())
                : search != null && search.chosen() != null;
    }

    /// Takes up all that an earlier run did.
    void restoreDone() {
        var search = state.search();
        if (search == null) {
            restore(blueprint.spec().blocks().size(), block -> 0);
        } else {
            take(search);
        }
    }

    /// Starts or continues cutting by other ranks than before.
    void enter(int round) {
        if (round != state.round()) {
            state.enter(round);
            probe = probe();
            entries.clear();
            allocation = null;
        }
    }

    /// Takes ranks back that no block was cut by.
    void forgetRanks() {
        state.forgetAllocation();
        allocation = null;
    }

    /// Takes what a round wrote for the output.
    void take(BoundSearch search) {
        enter(Objects.requireNonNull(search.chosen()));
        if (!allocated()
                || entries.isEmpty() && restore(blueprint.spec().blocks().size(), block -> 0) == 0) {
            throw new IllegalStateException("The round that was taken for " + job.output() + " is not there");
        }
        taken = search;
    }

    /// What the written model lost on the validation text; null where nothing bounds it.
    @Nullable
    Validated validated() {
        return taken == null ? null : taken.validated();
    }

    /// The targets.
    List<LinearSite> sites() {
        return plan.targets().stream().map(SitePlan::site).toList();
    }

    /// The share of the targets' cost that the ranks keep, in what the budget counts.
    double keptShare() {
        var unit = recipe().budget().unit();
        var before = plan.targets().stream()
                .mapToLong(target -> unit.cost(target.site(), target.dtype(), Choice.dense(target.site())))
                .sum();
        return (double) allocation().cost() / before;
    }

    CompressionRecipe recipe() {
        return job.recipe();
    }

    /// Whether a site is compressed, or kept dense by choice of an allocator.
    boolean targets(LinearSite site) {
        return targets.contains(site);
    }

    /// Takes up the blocks that an earlier run finished.
    ///
    /// @param streams checksum of the calibration streams into a block; 0 for none
    /// @return how many
    int restore(int blocks, IntToLongFunction streams) {
        entries.clear();
        entries.addAll(state.finished(blocks, streams, probe));
        return entries.size();
    }

    /// The ranks; known from the start or since [#allocate].
    Allocation allocation() {
        if (allocation == null) {
            throw new IllegalStateException("The ranks for " + job.output() + " are not decided yet");
        }
        return allocation;
    }

    /// The model that is written, as far as it is decided.
    Blueprint blueprint() {
        return blueprint;
    }

    /// Decides what model is written.
    void decide(Blueprint decided) {
        var resized = decided.spec().hiddenSize() != blueprint.spec().hiddenSize();
        blueprint = decided;
        if (resized) {
            probe = probe();
        }
    }

    /// Decides what is written outside the linears in place of the source's own embedding, head and norms.
    ///
    /// @param tables a safetensors file, by the names in the output
    void replace(Path tables) {
        replaced = tables;
    }

    /// What is written in place of the source's tensors outside the linears; null for those themselves.
    @Nullable
    Path replaced() {
        return replaced;
    }

    /// Says what was decided besides ranks.
    ///
    /// @param removedSites reports of targets that are not written
    void explain(List<String> decisions, List<SiteReport> removedSites) {
        notes = decisions;
        removed = removedSites;
    }

    /// What the choice of ranks, widths or blocks has to say.
    List<String> notes() {
        if (taken != null) {
            return taken.notes();
        }
        return allocation == null ? notes : allocation.notes();
    }

    /// What an allocator says of a site; null for nothing.
    @Nullable
    String mark(LinearSite site) {
        return allocation == null ? null : allocation.marks().get(site);
    }

    /// What became of every target, in execution order of the source.
    List<SiteReport> reports() {
        var found = new HashMap<String, SiteReport>();
        Stream.concat(entries.stream().flatMap(entry -> entry.sites().stream()), removed.stream())
                .forEach(report -> found.put(report.name(), report));
        return plan.targets().stream()
                .map(target -> found.get(target.site().name()))
                .filter(Objects::nonNull)
                .toList();
    }

    /// Whether the ranks are decided, now or by an earlier run.
    boolean allocated() {
        if (allocation == null) {
            allocation = state.allocated(sites());
        }
        return allocation != null || plan.ranksKnown();
    }

    /// Whether an earlier run cut every block.
    boolean cut(int blocks) {
        return state.finished(blocks, block -> 0, probe).size() == blocks;
    }

    /// Decides the ranks and stores them.
    ///
    /// @param trial measures candidates; null without validation text
    /// @param allocator the recipe's, or that with another bound
    /// @throws UnspendableBudgetException if no plan meets what was asked for
    void allocate(Evidences.Gathered gathered, @Nullable TrialLoss trial, Allocator allocator) {
        var evidence = plan.targets().stream()
                .map(site -> gathered.of(recipe().siteMethod(), site.site(), site.dtype()))
                .toList();
        try {
            var problem = recipe().problem(evidence, trial);
            var chosen = allocator.allocate(problem);
            if (state.findings() == null) {
                state.keepFindings(SiteFindings.of(recipe().allocator(), problem));
            }
            state.finishAllocating(chosen);
            allocation = chosen;
        } catch (IllegalArgumentException unmet) {
            throw new UnspendableBudgetException(String.valueOf(unmet.getMessage()), unmet);
        }
    }

    /// What the ranks were decided by.
    SiteFindings findings() {
        var kept = state.findings();
        return kept == null ? SiteFindings.NONE : kept;
    }

    /// The probe before the first block, as the finished folder will embed it.
    void startProbe(Embedding embedding, DType dtype) {
        TensorScope.tidyRun(() -> probe.write(0, 0, embedding.rounded(dtype).lookup(List.of(probeTokens), 0)));
    }

    @Override
    public void close() {
        folder.close();
    }
}
