package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.TrialLoss;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.DType;
import java.lang.foreign.Arena;

/// Measures candidates on validation text by cutting stored decompositions ([TrialCuts]), nothing written.
/// Of the model what comes after the first cut is run.
final class Trials implements TrialLoss {
    private final DenseStream dense;
    private final TrialCuts cuts;
    private final TrialLosses losses;
    private final Progress progress;

    /// @param dense of the source
    /// @param losses what was measured before
    Trials(DenseStream dense, TrialCuts cuts, TrialLosses losses, Progress progress) {
        this.dense = dense;
        this.cuts = cuts;
        this.losses = losses;
        this.progress = progress;
    }

    @Override
    public double of(Allocation candidate) {
        var before = losses.known(candidate);
        if (before != null) {
            return before;
        }
        var loss = dense.loss(dense.firstCut(candidate), (block, work) -> {
            try (var arena = Arena.ofShared()) {
                var linears = cuts.of(block, candidate, arena);
                work.accept(block.load(site -> linears.getOrDefault(site, block.dense(site)), DType.F32));
            }
        });
        if (Double.isFinite(loss)) {
            losses.add(candidate, loss);
        }
        progress.step("trials", losses.size(), losses.size()); // how many more, only the allocator knows
        return loss;
    }
}
