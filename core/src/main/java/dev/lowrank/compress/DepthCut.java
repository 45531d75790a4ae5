package dev.lowrank.compress;

import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/// Removes blocks for one job and writes those that stay, unchanged and numbered anew.
final class DepthCut {
    private final LanguageModel source;
    private final JobState job;
    private final BlockRemoval method;
    private final List<int[]> windows;
    private final List<int[]> judged;
    private final int judging;
    private final Progress progress;

    /// @param windows calibration windows
    /// @param judged windows that losses may be measured on
    DepthCut(
            LanguageModel source,
            JobState job,
            BlockRemoval method,
            List<int[]> windows,
            List<int[]> judged,
            Progress progress) {
        this.source = source;
        this.job = job;
        this.method = method;
        this.windows = windows;
        this.judging = judged.size();
        this.judged = judged.subList(0, Math.min(CalibrationShares.REMOVAL, judged.size()));
        this.progress = progress;
    }

    /// Chooses, then writes every block that is not finished yet.
    void run() {
        job.time.calibratingAndDecomposing(this::choose);
        var kept = job.blueprint().origins();
        var start = job.restore(kept.size(), block -> 0);
        if (start == 0) {
            job.startProbe(Embedding.of(source), CompressionPlan.embeddingType(source, job.recipe()));
        }
        var blocks = kept.stream().map(source.spec().blocks()::get).toList();
        new BlockPass(source, "compress", List.of(job.probe), progress).each(blocks, start, block -> {
            try (var arena = Arena.ofShared()) {
                var writer = new BlockWriter(job, block, kept(block), any -> 0);
                job.time.writing(() -> writer.write(arena));
            }
        });
    }

    private void choose() {
        var targets = job.plan.targets().stream().map(SitePlan::site).toList();
        var count = WholePlans.removals(source, job.recipe(), targets);
        var depth = new MeasuredDepth(
                source,
                WholePlans.removable(source, job.recipe(), targets),
                windows,
                judged,
                job.folder.workFolder(),
                progress);
        var removed = count == 0 ? List.<BlockRemoval.Removed>of() : method.remove(depth, count);
        var gone = removed.stream().map(BlockRemoval.Removed::block).toList();
        var kept = IntStream.range(0, source.spec().blocks().size())
                .filter(block -> !gone.contains(block))
                .boxed()
                .toList();
        if (!gone.isEmpty()) {
            job.decide(Blueprint.keeping(source, kept));
        }
        job.explain(notes(removed), reports(gone));
    }

    private List<String> notes(List<BlockRemoval.Removed> removed) {
        var notes = new ArrayList<String>();
        if (judged.size() < judging && method.info().needs().contains(Statistic.LOSS)) {
            notes.add("losses measured on the first " + judged.size() + " of " + judging + " windows");
        }
        for (var each : removed) {
            notes.add(String.format(Locale.ROOT, "removed block %d, score %.6g", each.block(), each.score()));
        }
        return notes;
    }

    private List<SiteReport> reports(List<Integer> gone) {
        return job.plan.targets().stream()
                .filter(plan -> gone.contains(plan.site().layer()))
                .map(plan -> SitePlan.removed(plan.site(), plan.dtype()).report(1))
                .toList();
    }

    private LinkedHashMap<LinearSite, Outcome> kept(SourceBlock block) {
        var outcomes = new LinkedHashMap<LinearSite, Outcome>();
        for (var site : block.block().sites()) {
            if (job.targets(site)) {
                outcomes.put(site, SiteCutter.kept(site, CompressionPlan.dtype(source, job.recipe(), site)));
            }
        }
        return outcomes;
    }
}
