package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.TrialLoss;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Measures candidates on validation text by cutting stored decompositions: F32 factors in memory, nothing
/// written. What a candidate computes is what its storage form would compute, without its rounding; a
/// method that does more to a cut than to keep the leading components (`tucker`) ends at the same matrix.
///
/// Of a decomposition the kept components are read, and of the model what comes after the first cut is run.
final class Trials implements TrialLoss {
    private final DenseStream dense;
    private final DecompositionFiles files;
    private final SiteMethod method;
    private final TrialLosses losses;
    private final Progress progress;

    /// @param dense of the source
    /// @param losses what was measured before
    Trials(DenseStream dense, DecompositionFiles files, SiteMethod method, TrialLosses losses, Progress progress) {
        this.dense = dense;
        this.files = files;
        this.method = method;
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
                var linears = linears(block, candidate, arena);
                work.accept(block.load(site -> linears.getOrDefault(site, block.dense(site)), DType.F32));
            }
        });
        if (Double.isFinite(loss)) {
            losses.add(candidate, loss);
        }
        progress.step("trials", losses.size(), losses.size()); // how many more, only the allocator knows
        return loss;
    }

    private Map<LinearSite, Linear> linears(SourceBlock block, Allocation candidate, Arena arena) {
        var cut = block.block().sites().stream()
                .filter(site -> candidate.choices().containsKey(site))
                .filter(site -> !candidate.of(site).isDense())
                .toList();
        var linears = new ConcurrentHashMap<LinearSite, Linear>();
        Compute.each(
                cut.size(),
                i -> TensorScope.tidyRun(() -> {
                    var site = cut.get(i);
                    var rank = candidate.of(site).rank();
                    linears.put(site, linear(site, block.dense(site), rank, arena));
                }));
        return linears;
    }

    private Linear linear(LinearSite site, Linear.Dense original, int rank, Arena arena) {
        var weight = Tensors.from(original.weight(), DType.F32);
        var bias = original.bias() == null ? null : Tensors.from(original.bias(), DType.F32);
        var decomposition = files.leading(site, method, weight, rank);
        var factors = decomposition.leading(rank);
        var mean = decomposition.mean();
        var stored = mean == null ? bias : SiteWriter.restoringBias(bias, weight, factors, mean);
        return SiteWriter.write(factors, StorageForm.FACTORED, stored, DType.F32, arena, site.name());
    }
}
