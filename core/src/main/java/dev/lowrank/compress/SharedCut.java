package dev.lowrank.compress;

import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.Factors;
import dev.lowrank.compress.method.Problem;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.compress.statistics.BlockStatistics;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Cuts the blocks of one job, some neighbours at a time, whose linears share a basis.
final class SharedCut {
    private final LanguageModel source;
    private final JobState job;
    private final SharedBasis method;
    private final SharedRanks ranks;
    private final Progress progress;
    private final CalibrationStream stream;

    /// @param windows calibration windows
    SharedCut(LanguageModel source, JobState job, SharedBasis method, List<int[]> windows, Progress progress) {
        this.source = source;
        this.job = job;
        this.method = method;
        this.progress = progress;
        stream = new CalibrationStream(source, windows, job.folder.workFolder(), "shared");
        ranks = new SharedRanks(
                source,
                job.recipe(),
                method,
                job.plan.targets().stream().map(SitePlan::site).toList());
    }

    /// Cuts and writes every group of blocks that is not finished yet.
    void run() {
        var blocks = source.spec().blocks().size();
        var start = restore(blocks);
        if (start == 0) {
            job.startProbe(Embedding.of(source), CompressionPlan.embeddingType(source, job.recipe()));
            stream.embed();
        }
        var pass = new BlockPass(source, "compress", List.of(stream.hidden(), job.probe), progress);
        pass.together(ranks.neighbours(), start, neighbours -> {
            try (var arena = Arena.ofShared()) {
                cut(neighbours, arena);
            }
        });
    }

    /// The blocks that an earlier run finished, in whole groups: a group is cut again if one of it is
    /// missing.
    private int restore(int blocks) {
        var hidden = stream.hidden();
        var entries = job.entries;
        job.restore(blocks, hidden::checksum);
        while (!entries.isEmpty()
                && entries.size() < blocks
                && (entries.size() % method.blocks() != 0
                        || hidden.checksum(entries.size()) != entries.getLast().hidden())) {
            entries.removeLast();
        }
        return entries.size();
    }

    private void cut(List<SourceBlock> blocks, Arena arena) {
        var outcomes = new HashMap<LinearSite, Outcome>();
        var borrowed = new HashMap<LinearSite, String>();
        job.time.calibratingAndDecomposing(() -> {
            var statistics = new ArrayList<BlockStatistics>();
            try {
                for (var block : blocks) {
                    statistics.add(measure(block));
                }
                var first = blocks.getFirst().index();
                for (var group :
                        ranks.groups(blocks.stream().map(SourceBlock::block).toList())) {
                    TensorScope.tidyRun(() -> cut(
                            group,
                            site -> {
                                var place = site.layer() - first;
                                return new Measured(
                                        SiteCutter.of(site, blocks.get(place).dense(site)), statistics.get(place));
                            },
                            outcomes,
                            arena));
                    for (var site : group.sites().subList(1, group.sites().size())) {
                        if (group.rank() > 0) {
                            borrowed.put(site, group.sites().getFirst().name());
                        }
                    }
                }
            } finally {
                statistics.forEach(BlockStatistics::close);
            }
        });
        for (var block : blocks) {
            var own = new LinkedHashMap<LinearSite, Outcome>();
            block.block().sites().stream()
                    .filter(outcomes::containsKey)
                    .forEach(site -> own.put(site, Objects.requireNonNull(outcomes.get(site))));
            var writer = new BlockWriter(job, block, own, borrowed, null, stream.hidden()::checksum);
            job.time.writing(() -> writer.write(arena));
        }
    }

    private BlockStatistics measure(SourceBlock block) {
        var targets = block.block().sites().stream().filter(job::targets).toList();
        return stream.measure(block, DType.F32, targets, method.info().needs(), method::shares);
    }

    /// A site with what was measured of its block.
    private record Measured(SiteCutter original, BlockStatistics statistics) {
        Problem problem() {
            return new Problem(original.site(), original.weight(), statistics.of(original.site()));
        }
    }

    /// Where sites are found.
    private interface Sites {
        /// In the innermost scope.
        Measured of(LinearSite site);
    }

    private void cut(SharedRanks.Group group, Sites sites, Map<LinearSite, Outcome> outcomes, Arena arena) {
        var plans = ranks.plans(group);
        if (group.rank() == 0) {
            plans.forEach((site, plan) -> outcomes.put(site, SiteCutter.kept(site, plan.dtype())));
            return;
        }
        var measured = group.sites().stream().map(sites::of).toList();
        var decomposition =
                method.decompose(measured.stream().map(Measured::problem).toList());
        var factors = decomposition.leading(group.rank());
        var row = 0L;
        for (var one : measured) {
            var site = one.original().site();
            var rows = factors.b().narrow(0, row, site.out());
            var plan = Objects.requireNonNull(plans.get(site));
            outcomes.put(site, outcome(one.original(), rows, factors.a(), decomposition, plan, row == 0, arena));
            row += site.out();
        }
    }

    private static Outcome outcome(
            SiteCutter original,
            Tensor b,
            Tensor a,
            Decomposition decomposition,
            SitePlan plan,
            boolean owner,
            Arena arena) {
        var site = original.site();
        var linear = SiteWriter.write(
                new Factors(b, null, a), StorageForm.FACTORED, original.bias(), plan.dtype(), arena, site.name());
        var shared = linear instanceof Linear.Factored factored && !owner
                ? factored.a().bytes()
                : 0;
        return new Outcome(
                linear,
                new SiteReport(
                        site.name(),
                        plan.form(),
                        plan.rank(),
                        decomposition.relativeError(plan.rank()),
                        plan.parametersAfter(),
                        linear.bytes() - shared,
                        decomposition.notes()));
    }
}
