package dev.lowrank.compress;

import dev.lowrank.compress.Decomposer.Timed;
import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.IntToLongFunction;
import java.util.stream.Stream;

/// Cuts the blocks of several jobs in one pass, each site from the weight of the source, by ranks that are
/// decided. What jobs have in common is read and decomposed once for all of them.
///
/// @param targets sites of all jobs, in execution order
/// @param streams checksum of what flows into a block from the decompositions; 0 where nothing does
record SideBySideCut(
        LanguageModel source,
        List<LinearSite> targets,
        List<JobState> jobs,
        IntToLongFunction streams,
        Progress progress) {
    /// Takes up what every job has finished before.
    ///
    /// @return how many blocks that are
    int restore() {
        var blocks = source.spec().blocks().size();
        for (var job : jobs) {
            var _ = job.restore(blocks, streams);
        }
        var start = jobs.stream().mapToInt(job -> job.entries.size()).min().orElse(0);
        jobs.forEach(job -> job.entries.subList(start, job.entries.size()).clear());
        if (start == 0) {
            var embedding = Embedding.of(source);
            jobs.forEach(job -> job.startProbe(embedding, CompressionPlan.embeddingType(source, job.recipe())));
        }
        return start;
    }

    /// Cuts and writes the blocks that are left.
    ///
    /// @param start what [#restore] gave
    /// @param flowing what flows through the blocks besides the jobs' probes
    /// @param decomposers what decomposes the sites of a block
    void run(int start, List<HiddenStates> flowing, Function<SourceBlock, Decomposer> decomposers) {
        var all = Stream.concat(jobs.stream().map(job -> job.probe), flowing.stream())
                .toList();
        new BlockPass(source, "compress", all, progress).each(source.spec().blocks(), start, block -> {
            try (var arena = Arena.ofShared();
                    var decomposer = decomposers.apply(block)) {
                var outcomes = cut(block, decomposer, arena);
                for (var i = 0; i < jobs.size(); i++) {
                    var writer = new BlockWriter(jobs.get(i), block, outcomes.get(i), streams);
                    jobs.get(i).time.writing(() -> writer.write(arena));
                }
            }
        });
    }

    /// Cuts a block's targets for every job.
    ///
    /// @return for each job, what became of its targets, in execution order
    private List<Map<LinearSite, Outcome>> cut(SourceBlock block, Decomposer decomposer, Arena arena) {
        var own = targets.stream().filter(site -> site.layer() == block.index()).toList();
        var results = new ArrayList<List<Outcome>>(Collections.nCopies(own.size(), List.of()));
        var spent = jobs.stream().map(job -> new LongAdder()).toList();
        var work = SiteWork.each(
                own,
                (site, i) -> results.set(i, TensorScope.tidy(() -> {
                    var original = SiteCutter.of(site, block.dense(site));
                    var decompositions = new HashMap<SiteMethod, Timed<Decomposition>>();
                    var outcomes = new ArrayList<Outcome>();
                    for (var j = 0; j < jobs.size(); j++) {
                        var timed = cut(jobs.get(j), original, decomposer, decompositions, arena);
                        outcomes.add(timed.result());
                        spent.get(j).add(timed.nanos());
                    }
                    return outcomes;
                })));
        var byJob = new ArrayList<Map<LinearSite, Outcome>>();
        for (var j = 0; j < jobs.size(); j++) {
            var outcomes = new LinkedHashMap<LinearSite, Outcome>();
            for (var i = 0; i < own.size(); i++) {
                if (jobs.get(j).targets(own.get(i))) {
                    outcomes.put(own.get(i), results.get(i).get(j));
                }
            }
            byJob.add(outcomes);
            jobs.get(j).time.decomposed((long) (spent.get(j).sum() * work.wallShare()));
        }
        return byJob;
    }

    /// One site for one job; a decomposition that jobs share counts in full for each.
    private Timed<Outcome> cut(
            JobState job,
            SiteCutter original,
            Decomposer decomposer,
            Map<SiteMethod, Timed<Decomposition>> decompositions,
            Arena arena) {
        var site = original.site();
        var dtype = CompressionPlan.dtype(source, job.recipe(), site);
        var choice = job.targets(site) ? job.allocation().of(site) : Choice.dense(site);
        var storage = SiteStorage.of(job.recipe(), choice, dtype, arena);
        if (choice.isDense()) {
            return storage.keepsDense() || !job.targets(site)
                    ? new Timed<>(original.kept(dtype), 0)
                    : Timed.of(() -> storage.store(original, other -> other.kept(dtype), true, null));
        }
        var method = job.recipe().siteMethod();
        var decomposed = decompositions.computeIfAbsent(method, any -> decomposer.decompose(method, original));
        var outcome = Timed.of(() -> storage.store(
                original,
                other -> other.cut(
                        method,
                        (other.equals(original) ? decomposed : decomposer.decompose(method, other)).result(),
                        choice,
                        storage.cutType(),
                        storage.cutArena()),
                decomposer.measures(),
                null));
        return new Timed<>(outcome.result(), decomposed.nanos() + outcome.nanos());
    }
}
