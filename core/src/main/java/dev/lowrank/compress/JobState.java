package dev.lowrank.compress;

import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LinearSite;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
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

    JobState(
            Compression.Job job,
            CompressionPlan plan,
            OutputFolder folder,
            RunState state,
            ObjectNode fingerprint,
            DecoderSpec spec) {
        this.job = job;
        this.plan = plan;
        this.folder = folder;
        this.state = state;
        this.fingerprint = fingerprint;
        var random = new SplittableRandom(job.recipe().seed());
        this.probeTokens = random.ints(Math.min(PROBE_TOKENS, spec.maxPositions()), 0, spec.vocabSize())
                .toArray();
        this.probe = new HiddenStates(folder.workFolder(), "probe", probeTokens.length, spec.hiddenSize());
    }

    CompressionRecipe recipe() {
        return job.recipe();
    }

    /// The targets of one block, in execution order.
    List<LinearSite> targets(int block) {
        return plan.targets().stream()
                .map(SitePlan::site)
                .filter(site -> site.layer() == block)
                .toList();
    }

    @Override
    public void close() {
        folder.close();
    }
}
