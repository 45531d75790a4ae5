package dev.lowrank.compress;

import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.TrialLoss;
import dev.lowrank.compress.allocate.UnspendableBudgetException;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
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
    final HiddenStates probe;
    final Stopwatch time = new Stopwatch();
    final List<RunState.Entry> entries = new ArrayList<>();
    final int[] probeTokens;
    private final Set<LinearSite> targets;
    private @Nullable Allocation allocation;
    private Blueprint blueprint;
    private List<String> notes = List.of();
    private List<SiteReport> removed = List.of();

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
        this.probe = new HiddenStates(folder.workFolder(), "probe", probeTokens.length, spec.hiddenSize());
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
        blueprint = decided;
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

    /// Decides the ranks.
    ///
    /// @param trial measures candidates; null without validation text
    /// @throws UnspendableBudgetException if no plan meets what was asked for
    void allocate(Evidences.Gathered gathered, @Nullable TrialLoss trial) {
        var evidence = plan.targets().stream()
                .map(site -> gathered.of(recipe().siteMethod(), site.site(), site.dtype()))
                .toList();
        try {
            allocation = recipe().allocator().allocate(recipe().problem(evidence, trial));
        } catch (IllegalArgumentException unmet) {
            throw new UnspendableBudgetException(String.valueOf(unmet.getMessage()), unmet);
        }
    }

    /// The probe before the first block, as the finished folder will embed it.
    void startProbe(Embedding embedding, DType dtype) {
        TensorScope.tidyRun(() -> probe.write(
                0, 0, embedding.lookup(List.of(probeTokens), 0).to(dtype).to(DType.F32)));
    }

    @Override
    public void close() {
        folder.close();
    }
}
