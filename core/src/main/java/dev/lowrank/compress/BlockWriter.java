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
import org.jspecify.annotations.Nullable;

/// Writes one block of one job, runs the probe through what was written, and declares the block finished.
///
/// @param outcomes what became of the block's targets
/// @param hidden the calibration stream that a continued run needs; null for none
record BlockWriter(
        JobState job,
        SourceBlock block,
        Map<LinearSite, Outcome> outcomes,
        @Nullable HiddenStates hidden) {

    void write(Arena arena) {
        var tensors = new ArrayList<OutputTensor>();
        var inMemory = new HashMap<LinearSite, Linear>();
        var stored = new LinkedHashMap<String, StoredSite>();
        var source = block.source();
        for (var site : block.block().sites()) {
            var outcome = outcomes.get(site);
            var linear = outcome == null ? null : outcome.linear();
            if (linear == null) {
                var dtype = CompressionPlan.dtype(source, job.recipe(), site);
                inMemory.put(site, Rounding.linear(block.dense(site), dtype, arena));
                source.weights().tensorNames(site).forEach(name -> tensors.add(Finish.fromSource(source, name, dtype)));
            } else {
                inMemory.put(site, linear);
                tensors.addAll(OutputTensor.of(site.name(), linear));
                stored.put(site.name(), StoredSite.of(linear));
            }
        }
        var index = block.index();
        Shards.writeFile(job.folder, RunState.partName(index), tensors);
        probe(inMemory);
        var entry = new RunState.Entry(
                outcomes.values().stream().map(Outcome::report).toList(),
                stored,
                WorkFiles.checksum(job.state.part(index)),
                hidden == null ? 0 : hidden.checksum(index + 1),
                job.probe.checksum(index + 1));
        job.state.finish(index, entry);
        job.entries.add(entry);
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
