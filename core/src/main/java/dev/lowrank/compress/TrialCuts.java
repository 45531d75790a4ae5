package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Cuts stored decompositions for a measurement: F32 factors in memory. What a candidate computes is what
/// its storage form would compute, without its rounding; a method that does more to a cut than to keep the
/// leading components (`tucker`) ends at the same matrix. Of a decomposition the kept components alone are
/// read.
///
/// @param files where the decompositions lie
/// @param method by which they were made
record TrialCuts(DecompositionFiles files, SiteMethod method) {
    /// The sites of a block that a candidate cuts.
    ///
    /// @param arena owner of the result's memory
    Map<LinearSite, Linear> of(SourceBlock block, Allocation candidate, Arena arena) {
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
