package dev.lowrank.compress;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.model.Angles;
import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.model.TorchNorm;
import dev.lowrank.model.output.ModelFolder.StoredSite;
import dev.lowrank.model.output.OutputTensor;
import dev.lowrank.model.output.Shards;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/// Writes one block of one job, runs the probe through what was written, and declares the block finished.
///
/// @param outcomes what became of the block's targets
/// @param borrowed sites whose right factor another site stores, with its name in the output
/// @param widths the block's own; null where they are the source's
/// @param streams checksum of the calibration streams into a block, which a continued run needs; 0 for none
record BlockWriter(
        JobState job,
        SourceBlock block,
        Map<LinearSite, Outcome> outcomes,
        Map<LinearSite, String> borrowed,
        @Nullable BlockWidths widths,
        IntToLongFunction streams) {

    BlockWriter(JobState job, SourceBlock block, Map<LinearSite, Outcome> outcomes, IntToLongFunction streams) {
        this(job, block, outcomes, Map.of(), null, streams);
    }

    void write(Arena arena) {
        var tensors = new ArrayList<OutputTensor>();
        var inMemory = new EnumMap<Role, Linear>(Role.class);
        var stored = new LinkedHashMap<String, StoredSite>();
        for (var site : block.block().sites()) {
            var outcome = outcomes.get(site);
            var linear = inMemory(job, block, site, outcome, arena);
            inMemory.put(site.role(), linear);
            if (outcome == null || outcome.linear() == null) {
                tensors.addAll(unchanged(site));
            } else if (linear instanceof Linear.Dense dense
                    && !dense.weight().dtype().isBlocks()) {
                tensors.addAll(OutputTensor.dense(job.blueprint().written(site), dense));
            } else {
                var name = job.blueprint().written(site).name();
                var owner = borrowed.get(site);
                OutputTensor.of(name, linear).stream()
                        .filter(tensor -> owner == null || !tensor.name().equals(name + ".a.weight"))
                        .forEach(tensors::add);
                stored.put(name, StoredSite.of(linear).borrowing(owner));
            }
        }
        var place = job.blueprint().place(block.index());
        Shards.writeFile(job.folder, job.state.partName(place), tensors);
        probe(place, inMemory);
        var entry = new RunState.Entry(
                outcomes.entrySet().stream()
                        .map(each -> each.getValue().report().marked(job.mark(each.getKey())))
                        .toList(),
                stored,
                WorkFiles.checksum(job.state.part(place)),
                streams.applyAsLong(place + 1),
                job.probe.checksum(place + 1),
                widths);
        job.state.finish(place, entry);
        job.entries.add(entry);
    }

    /// A site's own tensors, under the name that it is written by.
    private List<OutputTensor> unchanged(LinearSite site) {
        var source = block.source();
        var dtype = CompressionPlan.dtype(source, job.recipe(), site);
        var name = job.blueprint().written(site).name();
        return source.weights().tensorNames(site).stream()
                .map(tensor -> Finish.fromSource(source, tensor, dtype)
                        .named(name + tensor.substring(site.name().length())))
                .toList();
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

    private void probe(int place, Map<Role, Linear> linears) {
        TensorScope.tidyRun(() -> {
            var blueprint = job.blueprint();
            var loaded = load(place, site -> Objects.requireNonNull(linears.get(site.role()), site.name()));
            var angles = Angles.of(blueprint.spec(), 0, job.probeTokens.length);
            var output = loaded.forward(job.probe.read(place, 0, 1), angles, null, SiteTap.NONE);
            job.probe.write(place + 1, 0, output);
        });
    }

    private TorchBlock load(int place, Function<LinearSite, Linear> linears) {
        var blueprint = job.blueprint();
        var spec = blueprint.spec();
        var replaced = job.replaced();
        if (replaced == null) {
            return TorchBlock.load(
                    spec, blueprint.running(block.block()), block.source().weights(), linears);
        }
        try (var file = SafetensorsFile.open(replaced)) {
            return TorchBlock.load(
                    spec,
                    spec.blocks().get(place),
                    norm -> TorchNorm.rms(spec.norm(), file.tensor(norm + ".weight")),
                    linears);
        }
    }
}
