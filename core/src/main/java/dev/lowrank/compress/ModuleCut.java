package dev.lowrank.compress;

import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.allocate.BlockAllocator;
import dev.lowrank.compress.method.BlockProblem;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.NarrowedBlock;
import dev.lowrank.compress.statistics.ModuleStatistics;
import dev.lowrank.compress.statistics.ModuleSums;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/// Narrows the blocks of one job in order, each by what calibration measures inside its modules.
final class ModuleCut {
    private final LanguageModel source;
    private final JobState job;
    private final ModuleMethod method;
    private final List<int[]> windows;
    private final Progress progress;
    private final CalibrationStream stream;
    private final WidthPlan plan;

    /// @param windows calibration windows
    ModuleCut(LanguageModel source, JobState job, ModuleMethod method, List<int[]> windows, Progress progress) {
        this.source = source;
        this.job = job;
        this.method = method;
        this.windows = windows;
        this.progress = progress;
        stream = new CalibrationStream(source, windows, job.folder.workFolder(), "modules");
        plan = WidthPlan.of(
                source,
                job.recipe(),
                job.plan.targets().stream().map(SitePlan::site).toList());
    }

    /// Narrows and writes every block that is not finished yet.
    void run() {
        var blocks = source.spec().blocks();
        var widths = decide();
        var start = job.restore(blocks.size(), stream.hidden()::checksum);
        var done = new ArrayList<BlockWidths>();
        job.entries.forEach(entry -> done.add(Objects.requireNonNull(entry.widths())));
        if (start == 0) {
            job.startProbe(Embedding.of(source), CompressionPlan.embeddingType(source, job.recipe()));
            stream.embed();
        }
        var pass = new BlockPass(source, "compress", List.of(stream.hidden(), job.probe), progress);
        pass.each(blocks, start, block -> {
            try (var arena = Arena.ofShared()) {
                done.add(write(block, widths.get(block.index()), done, arena));
            }
        });
        job.decide(shape(done));
    }

    private List<BlockWidths> decide() {
        var spread = (BlockAllocator) job.recipe().allocator();
        var influence = new double[source.spec().blocks().size()];
        if (spread.needsInfluence()) {
            var some = windows.subList(0, job.plan.shares().influence());
            job.time.calibratingAndDecomposing(() -> {
                var found = BlockInfluences.measure(source, some, job.folder.workFolder(), progress);
                System.arraycopy(found, 0, influence, 0, found.length);
            });
        }
        var widths = plan.decide(influence);
        var notes = new ArrayList<String>();
        for (var block = 0; block < widths.size(); block++) {
            var own = widths.get(block);
            notes.add(String.format(
                    Locale.ROOT,
                    "block %d: MLP %d, query and key %d, value %d%s",
                    block,
                    own.intermediate(),
                    own.heads().keyDim(),
                    own.heads().valueDim(),
                    spread.needsInfluence() ? String.format(Locale.ROOT, ", influence %.4g", influence[block]) : ""));
        }
        job.explain(notes, List.of());
        return widths;
    }

    /// The model as far as it is cut; blocks to come are whole.
    private Blueprint shape(List<BlockWidths> done) {
        var all = new ArrayList<>(done);
        var narrowed = false;
        for (var block = 0; block < source.spec().blocks().size(); block++) {
            if (block >= all.size()) {
                all.add(plan.whole(block));
            }
            narrowed |= !all.get(block).equals(plan.whole(block));
        }
        return narrowed ? Blueprint.narrowed(source, all) : Blueprint.same(source);
    }

    private BlockWidths write(SourceBlock block, BlockWidths own, List<BlockWidths> done, Arena arena) {
        var outcomes = new LinkedHashMap<LinearSite, Outcome>();
        var found = new ArrayList<BlockWidths>();
        job.time.calibratingAndDecomposing(() -> found.add(narrow(block, own, outcomes, arena)));
        var widths = found.getFirst();
        var shaped = new ArrayList<>(done);
        shaped.add(widths);
        job.decide(shape(shaped));
        var writer = new BlockWriter(job, block, outcomes, Map.of(), widths, stream.hidden()::checksum);
        job.time.writing(() -> writer.write(arena));
        return widths;
    }

    private BlockWidths narrow(SourceBlock block, BlockWidths own, Map<LinearSite, Outcome> outcomes, Arena arena) {
        var name = "block " + block.index();
        return measured(block, name, statistics -> {
            var weights = new EnumMap<Role, Tensor>(Role.class);
            var biases = new EnumMap<Role, Tensor>(Role.class);
            for (var site : block.block().sites()) {
                var original = SiteCutter.of(site, block.dense(site));
                weights.put(site.role(), original.weight());
                if (original.bias() != null) {
                    biases.put(site.role(), original.bias());
                }
            }
            var spec = source.spec();
            var narrow = method.narrow(
                    new BlockProblem(name, spec.heads(), spec.kvHeads(), spec.headDim(), weights, biases, statistics),
                    own);
            for (var site : block.block().sites()) {
                if (job.targets(site)) {
                    outcomes.put(site, outcome(site, narrow, arena));
                }
            }
            return narrow.widths();
        });
    }

    private Outcome outcome(LinearSite site, NarrowedBlock narrow, Arena arena) {
        var dtype = CompressionPlan.dtype(source, job.recipe(), site);
        var weight = narrow.weights().get(site.role());
        if (weight == null) {
            return SiteCutter.kept(site, dtype);
        }
        var linear = SiteWriter.dense(weight, narrow.biases().get(site.role()), dtype, arena, site.name());
        var written = WidthPlan.narrowed(source.spec(), site, narrow.widths());
        var plan = SitePlan.narrowed(site, written, dtype);
        var error = Objects.requireNonNull(narrow.errors().get(site.role()));
        return new Outcome(
                linear,
                new SiteReport(
                        site.name(),
                        plan.form(),
                        plan.rank(),
                        error,
                        plan.parametersAfter(),
                        linear.bytes(),
                        narrow.notes().getOrDefault(site.role(), List.of())));
    }

    /// Work on what was measured of a block.
    private interface Work {
        BlockWidths on(ModuleStatistics statistics);
    }

    /// Runs the calibration windows through the block, sums on every thread apart, adds in a fixed order.
    private BlockWidths measured(SourceBlock block, String name, Work work) {
        var sums = new ArrayList<ModuleSums>();
        try {
            for (var share = 0; share < stream.shares(); share++) {
                sums.add(new ModuleSums(
                        block.block().require(Role.Q_PROJ),
                        block.block().require(Role.K_PROJ),
                        block.block().require(Role.DOWN_PROJ),
                        source.spec().headDim()));
            }
            TensorScope.tidyRun(() -> stream.forward(block.index(), block.load(), sums::get));
            sums.subList(1, sums.size()).forEach(sums.getFirst()::add);
            return work.on(sums.getFirst().finish(name));
        } finally {
            sums.forEach(ModuleSums::close);
        }
    }
}
