package dev.lowrank.compress;

import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.model.output.ModelFolder.StoredSite;
import dev.lowrank.model.output.OutputTensor;
import dev.lowrank.model.output.Shards;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/// Writes one block of one job, runs the probe through what was written, and declares the block finished.
///
/// @param outcomes what became of the block's targets
/// @param streams checksum of the calibration streams into a block, which a continued run needs; 0 for none
record BlockWriter(JobState job, SourceBlock block, Map<LinearSite, Outcome> outcomes, IntToLongFunction streams) {

    void write(Arena arena) {
        var tensors = new ArrayList<OutputTensor>();
        var inMemory = new HashMap<LinearSite, Linear>();
        var stored = new LinkedHashMap<String, StoredSite>();
        var source = block.source();
        for (var site : block.block().sites()) {
            var outcome = outcomes.get(site);
            var linear = inMemory(job, block, site, outcome, arena);
            inMemory.put(site, linear);
            if (outcome == null || outcome.linear() == null) {
                var dtype = CompressionPlan.dtype(source, job.recipe(), site);
                source.weights().tensorNames(site).forEach(name -> tensors.add(Finish.fromSource(source, name, dtype)));
            } else if (linear instanceof Linear.Dense dense) {
                tensors.addAll(OutputTensor.dense(site, dense));
            } else {
                tensors.addAll(OutputTensor.of(site.name(), linear));
                stored.put(site.name(), StoredSite.of(linear));
            }
        }
        var index = block.index();
        Shards.writeFile(job.folder, RunState.partName(index), tensors);
        probe(inMemory);
        var entry = new RunState.Entry(
                outcomes.entrySet().stream()
                        .map(each -> each.getValue()
                                .report()
                                .marked(job.allocation().marks().get(each.getKey())))
                        .toList(),
                stored,
                WorkFiles.checksum(job.state.part(index)),
                streams.applyAsLong(index + 1),
                job.probe.checksum(index + 1));
        job.state.finish(index, entry);
        job.entries.add(entry);
    }

    /// What a site computes with in the model that is written.
    ///
    /// @param outcome null for a site that is no target
    static Linear inMemory(JobState job, SourceBlock block, LinearSite site, @Nullable Outcome outcome, Arena arena) {
        var linear = outcome == null ? null : outcome.linear();
        return linear != null
                ? linear
                : Rounding.linear(block.dense(site), CompressionPlan.dtype(block.source(), job.recipe(), site), arena);
    }

    private void probe(Map<LinearSite, Linear> linears) {
        TensorScope.tidyRun(() -> {
            var loaded = block.load(site -> Objects.requireNonNull(linears.get(site), site.name()));
            var angles = TorchBlock.Angles.of(block.source().spec(), 0, job.probeTokens.length);
            var output = loaded.forward(job.probe.read(block.index(), 0, 1), angles, null, SiteTap.NONE);
            job.probe.write(block.index() + 1, 0, output);
        });
    }
}
