package dev.lowrank.compress;

import dev.lowrank.compress.GradientPass.Labels;
import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.allocate.WithinLoss;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.Problem;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.BlockStatistics;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.ValidationSet;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.IntToLongFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// All jobs together: calibrate, decompose, allocate, cut, write, finish.
///
/// Where every job's ranks are known ahead, a block is decomposed and cut at once and nothing of it is
/// kept. Where some allocator must see the whole model first, decompositions go to working files, and a
/// second pass over the blocks cuts them.
final class CompressionRun {
    /// Windows whose gradients make metrics: more lower the noise, at the same time each.
    private static final int METRIC_WINDOWS = 32;

    /// Windows whose gradients judge decompositions.
    private static final int CURVE_WINDOWS = 16;

    /// Windows that decompose what is only judged, because a sequential update makes the final cut.
    private static final int JUDGED_WINDOWS = 32;

    private final LanguageModel source;
    private final DecoderSpec spec;
    private final List<JobState> all;
    /// Those whose methods treat every linear by itself.
    private final List<JobState> bySite;
    /// Those of them whose blocks are cut side by side, without a sequential update.
    private final List<JobState> jobs;
    private final List<SiteMethod> methods;
    private final List<LinearSite> targets;
    private final Set<Statistic> statistics;
    private final @Nullable CalibrationSet calibration;
    private final @Nullable ValidationSet validation;
    private final @Nullable CalibrationStream stream;
    private final DecompositionFiles files;
    private final OutputGradients felt;
    private final boolean ranksKnown;
    private final Progress progress;
    private final Stopwatch time = new Stopwatch();

    CompressionRun(
            LanguageModel source,
            List<JobState> all,
            @Nullable CalibrationSet calibration,
            @Nullable ValidationSet validation,
            Progress progress) {
        this.source = source;
        this.spec = source.spec();
        this.all = all;
        this.bySite = all.stream()
                .filter(job -> job.recipe().method() instanceof SiteMethod)
                .toList();
        this.jobs = bySite.stream().filter(job -> job.recipe().update() == null).toList();
        this.calibration = calibration;
        this.validation = validation;
        this.progress = progress;
        methods =
                bySite.stream().map(job -> job.recipe().siteMethod()).distinct().toList();
        targets = spec.sites()
                .filter(site -> bySite.stream().anyMatch(job -> job.targets(site)))
                .toList();
        statistics = methods.stream()
                .flatMap(method -> method.info().needs().stream())
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Statistic.class)));
        var work = all.getFirst().folder.workFolder();
        files = new DecompositionFiles(work);
        felt = new OutputGradients(work);
        ranksKnown = bySite.stream().allMatch(job -> job.plan.ranksKnown());
        stream = calibration == null || statistics.isEmpty()
                ? null
                : new CalibrationStream(source, decomposed(calibration.windows()), work, "hidden");
    }

    private List<int[]> decomposed(List<int[]> windows) {
        var judged = bySite.stream().allMatch(job -> job.recipe().update() != null);
        return windows.subList(0, decompositionWindows(windows.size(), judged));
    }

    List<CompressionReport> run() {
        return Grad.off(() -> {
            cutBySite();
            all.forEach(this::cutWhole);
            var finish = new Finish(source, time);
            return all.stream().map(finish::finish).toList();
        });
    }

    /// Cuts every job whose method treats every linear by itself.
    private void cutBySite() {
        // What these share lies with the first job; once that is finished, the others need it no more.
        if (bySite.stream().allMatch(this::done)) {
            bySite.forEach(this::restoreWhole);
            return;
        }
        try (var ranks = ranks()) {
            if (statistics.contains(Statistic.OUTPUT_GRADIENT)) {
                time.calibrating(this::measureOutputGradients);
            }
            if (ranksKnown) {
                if (!jobs.isEmpty()) {
                    cutAsDecomposed();
                }
            } else {
                var undecided = bySite.stream().filter(job -> !job.allocated()).toList();
                if (!jobs.isEmpty() || !undecided.isEmpty() || bySite.stream().anyMatch(job -> bound(job) != null)) {
                    decomposeAll();
                }
                time.allocating(() -> undecided.forEach(
                        job -> ranks.decide(job, job.recipe().allocator())));
                if (!jobs.isEmpty()) {
                    cutAll(jobs);
                }
            }
            bySite.stream().filter(job -> job.recipe().update() != null).forEach(this::cutSequentially);
            bySite.forEach(job -> meetBound(job, ranks));
        }
    }

    private static @Nullable WithinLoss bound(JobState job) {
        return job.recipe().allocator() instanceof WithinLoss within ? within : null;
    }

    private void meetBound(JobState job, RankDecision ranks) {
        var within = bound(job);
        if (within != null && !job.plan.ranksKnown()) {
            var windows = Objects.requireNonNull(validation).windows();
            new BoundedCut(ranks, this::cutAgain, windows, new Finish(source, time), progress).run(job, within);
        }
    }

    /// Cuts a job in the round that it stands in, unless that was done.
    private void cutAgain(JobState job) {
        if (job.entries.size() == spec.blocks().size()) {
            return;
        }
        if (job.recipe().update() != null) {
            cutSequentially(job);
        } else {
            cutAll(List.of(job));
        }
    }

    /// Whether an earlier run left nothing to do but to finish the output.
    private boolean done(JobState job) {
        var within = bound(job);
        if (within != null && !job.plan.ranksKnown()) {
            var search = job.state.search();
            return search != null && search.chosen() != null;
        }
        return job.allocated() && job.cut(spec.blocks().size());
    }

    private void restoreWhole(JobState job) {
        var search = job.state.search();
        if (search == null) {
            var _ = job.allocated();
            job.restore(spec.blocks().size(), block -> 0);
        } else {
            job.take(search);
        }
    }

    /// A gradient pass of some of the calibration windows.
    ///
    /// @param group which windows: 0 for those that metrics come from, 1 for those that judge
    ///     decompositions, which would look too good on the windows that made them
    private GradientPass pass(Labels labels, int group) {
        var range = windows(group);
        return new GradientPass(
                source,
                calibration().subList(range.first(), range.first() + range.count()),
                labels,
                all.getFirst().folder.workFolder(),
                all.getFirst().recipe().seed(),
                progress);
    }

    /// Some of the calibration windows.
    private record Range(int first, int count) {}

    private Range windows(int group) {
        var size = calibration().size();
        var metric = metricWindows(size);
        return group == 0 ? new Range(0, metric) : new Range(Math.min(metric, size - 1), curveWindows(size));
    }

    /// How many of the calibration windows metrics are made from.
    static int metricWindows(int samples) {
        return Math.clamp(samples / 2, 1, METRIC_WINDOWS);
    }

    /// How many of the others judge decompositions.
    static int curveWindows(int samples) {
        return Math.clamp(samples - metricWindows(samples), 1, CURVE_WINDOWS);
    }

    /// How many of the calibration windows decompositions see.
    ///
    /// @param judged whether they are only judged
    static int decompositionWindows(int samples, boolean judged) {
        return judged ? Math.min(samples, JUDGED_WINDOWS) : samples;
    }

    private void measureOutputGradients() {
        var state = all.getFirst().state;
        var of = windows(0) + ", seed " + all.getFirst().recipe().seed();
        var wanted = targets.stream().map(felt::file).toList();
        if (!state.gradientsMeasured(of, wanted)) {
            try (var pass = pass(Labels.DRAWN, 0)) {
                pass.observe(targets, felt);
            }
            state.finishGradients(of, wanted);
        }
    }

    /// One pass: each block is decomposed, cut and forgotten.
    private void cutAsDecomposed() {
        var start = restore(jobs, stream == null ? null : stream.hidden());
        if (start == 0 && stream != null) {
            time.calibrating(stream::embed);
        }
        cut(jobs, start, block -> new FromStatistics(measure(block), felt));
    }

    /// First pass of two: decompositions go to working files.
    private void decomposeAll() {
        var state = all.getFirst().state;
        var hidden = stream == null ? null : stream.hidden();
        var of = decomposedFrom();
        var start = state.decomposed(spec.blocks().size(), of, this::decompositions, hidden);
        if (start == 0 && stream != null) {
            time.calibrating(stream::embed);
        }
        for (var index = start; index < spec.blocks().size(); index++) {
            progress.step("decompose", index, spec.blocks().size());
            var block = SourceBlock.of(source, spec.blocks().get(index));
            TensorScope.tidyRun(() -> decompose(block));
            state.finishDecomposing(index, of, decompositions(index), hidden == null ? 0 : hidden.checksum(index + 1));
            leave(block);
        }
        progress.step("decompose", spec.blocks().size(), spec.blocks().size());
    }

    /// The files of a block's decompositions.
    private List<Path> decompositions(int block) {
        return targets.stream()
                .filter(site -> site.layer() == block)
                .flatMap(site -> methods.stream().map(method -> files.file(site, method)))
                .toList();
    }

    /// What the decompositions are made from; their files' names say the sites and the methods.
    private String decomposedFrom() {
        if (calibration == null) {
            return "weights";
        }
        var gradients = statistics.contains(Statistic.OUTPUT_GRADIENT) ? ", gradients of " + windows(0) : "";
        return decomposed(calibration.windows()).size() + " windows" + gradients;
    }

    private void decompose(SourceBlock block) {
        var spent = new ConcurrentHashMap<SiteMethod, LongAdder>();
        SiteWork work;
        try (var decomposer = new FromStatistics(measure(block), felt)) {
            work = SiteWork.each(
                    targets(block).toList(),
                    (site, i) -> TensorScope.tidyRun(() -> {
                        var original = SiteCutter.of(site, block.dense(site));
                        for (var method : methods) {
                            TensorScope.tidyRun(() -> {
                                var timed = decomposer.decompose(method, original);
                                files.write(site, method, timed.result());
                                spent.computeIfAbsent(method, any -> new LongAdder())
                                        .add(timed.nanos());
                            });
                        }
                    }));
        }
        for (var job : bySite) {
            var own = spent.get(job.recipe().siteMethod());
            job.time.decomposed(own == null ? 0 : (long) (own.sum() * work.wallShare()));
        }
    }

    /// What decides the ranks of jobs that could not know them ahead.
    private RankDecision ranks() {
        var first = all.getFirst();
        var judged = calibration == null ? "" : "; judged by " + windows(1);
        var of = decomposedFrom() + judged + ", seed " + first.recipe().seed();
        var evidences = new Evidences(files, first.folder.workFolder(), of, labels -> pass(labels, 1));
        var needs = bySite.stream()
                .flatMap(job -> job.recipe().allocator().info().needs().stream())
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Sensitivity.class)));
        var run = Stream.of("format", "threads", "source", "calibration")
                .map(key -> String.valueOf(first.fingerprint.path(key)))
                .collect(Collectors.joining("\n", "", "\n" + of));
        return new RankDecision(
                source,
                files,
                first.folder.workFolder(),
                validation,
                run,
                () -> evidences.gather(targets, methods, needs),
                progress);
    }

    /// Second pass of two: decompositions come from working files.
    private void cutAll(List<JobState> some) {
        cut(some, restore(some, null), block -> new FromFiles(files));
    }

    /// The blocks that every job has finished before.
    private int restore(List<JobState> some, @Nullable HiddenStates hidden) {
        var streams = streams(hidden);
        for (var job : some) {
            var _ = job.restore(spec.blocks().size(), streams);
        }
        var start = some.stream().mapToInt(job -> job.entries.size()).min().orElse(0);
        some.forEach(job -> job.entries.subList(start, job.entries.size()).clear());
        if (start == 0) {
            var embedding = Embedding.of(source);
            some.forEach(job -> job.startProbe(embedding, CompressionPlan.embeddingType(source, job.recipe())));
        }
        return start;
    }

    private void cut(List<JobState> some, int start, Function<SourceBlock, Decomposer> decomposers) {
        var streams = streams(stream == null || !ranksKnown ? null : stream.hidden());
        for (var index = start; index < spec.blocks().size(); index++) {
            progress.step("compress", index, spec.blocks().size());
            var block = SourceBlock.of(source, spec.blocks().get(index));
            TensorScope.tidyRun(() -> {
                try (var arena = Arena.ofShared();
                        var decomposer = decomposers.apply(block)) {
                    var outcomes = cut(some, block, decomposer, arena);
                    for (var i = 0; i < some.size(); i++) {
                        var writer = new BlockWriter(some.get(i), block, outcomes.get(i), streams);
                        some.get(i).time.writing(() -> writer.write(arena));
                    }
                }
            });
            leave(block);
        }
        progress.step("compress", spec.blocks().size(), spec.blocks().size());
    }

    private static IntToLongFunction streams(@Nullable HiddenStates hidden) {
        return hidden == null ? block -> 0 : hidden::checksum;
    }

    private void cutSequentially(JobState job) {
        new SequentialCut(
                        source,
                        job,
                        Objects.requireNonNull(job.recipe().update()),
                        Objects.requireNonNull(calibration).windows(),
                        felt,
                        progress)
                .run();
    }

    /// Cuts a job whose method looks at more than one linear; each makes its own pass.
    private void cutWhole(JobState job) {
        switch (job.recipe().method()) {
            case SiteMethod _ -> {} // done with the others of its kind
            case BlockRemoval removal -> {
                var windows = validation == null ? calibration() : validation.windows();
                new DepthCut(source, job, removal, calibration(), windows, progress).run();
            }
            case ModuleMethod method -> new ModuleCut(source, job, method, calibration(), progress).run();
            case SharedBasis method -> new SharedCut(source, job, method, calibration(), progress).run();
        }
    }

    private List<int[]> calibration() {
        return Objects.requireNonNull(calibration).windows();
    }

    /// Cuts a block's targets for every job.
    ///
    /// @return for each job, what became of its targets, in execution order
    private List<Map<LinearSite, Outcome>> cut(
            List<JobState> some, SourceBlock block, Decomposer decomposer, Arena arena) {
        var own = targets(block).toList();
        var results = new ArrayList<List<Outcome>>(Collections.nCopies(own.size(), List.of()));
        var spent = some.stream().map(job -> new LongAdder()).toList();
        var work = SiteWork.each(
                own,
                (site, i) -> results.set(i, TensorScope.tidy(() -> {
                    var original = SiteCutter.of(site, block.dense(site));
                    var decompositions = new HashMap<SiteMethod, Timed<Decomposition>>();
                    var outcomes = new ArrayList<Outcome>();
                    for (var j = 0; j < some.size(); j++) {
                        var timed = cut(some.get(j), original, decomposer, decompositions, arena);
                        outcomes.add(timed.result());
                        spent.get(j).add(timed.nanos());
                    }
                    return outcomes;
                })));
        var byJob = new ArrayList<Map<LinearSite, Outcome>>();
        for (var j = 0; j < some.size(); j++) {
            var outcomes = new LinkedHashMap<LinearSite, Outcome>();
            for (var i = 0; i < own.size(); i++) {
                if (some.get(j).targets(own.get(i))) {
                    outcomes.put(own.get(i), results.get(i).get(j));
                }
            }
            byJob.add(outcomes);
            some.get(j).time.decomposed((long) (spent.get(j).sum() * work.wallShare()));
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
        if (choice.isDense()) {
            return new Timed<>(original.kept(dtype), 0);
        }
        var method = job.recipe().siteMethod();
        var decomposed = decompositions.computeIfAbsent(method, any -> decomposer.decompose(method, original));
        var outcome = Timed.of(() -> original.cut(method, decomposed.result(), choice, dtype, arena));
        return new Timed<>(outcome.result(), decomposed.nanos() + outcome.nanos());
    }

    /// What was computed, and how long that took.
    private record Timed<T>(T result, long nanos) {
        static <T> Timed<T> of(Supplier<T> work) {
            var start = System.nanoTime();
            var result = work.get();
            return new Timed<>(result, System.nanoTime() - start);
        }
    }

    /// Where the decompositions of a block's sites come from.
    private interface Decomposer extends AutoCloseable {
        /// In the innermost scope.
        Timed<Decomposition> decompose(SiteMethod method, SiteCutter original);

        @Override
        void close();
    }

    /// @param statistics null where no method needs any
    /// @param felt read by methods that need output gradients
    private record FromStatistics(@Nullable BlockStatistics statistics, OutputGradients felt) implements Decomposer {
        @Override
        public Timed<Decomposition> decompose(SiteMethod method, SiteCutter original) {
            var site = original.site();
            var measured = statistics == null ? SiteStatistics.none() : statistics.of(site);
            return Timed.of(() -> TensorScope.tidy(() -> {
                return method.decompose(new Problem(site, original.weight(), felt.completing(measured, method, site)));
            }));
        }

        @Override
        public void close() {
            if (statistics != null) {
                statistics.close();
            }
        }
    }

    private record FromFiles(DecompositionFiles files) implements Decomposer {
        @Override
        public Timed<Decomposition> decompose(SiteMethod method, SiteCutter original) {
            return Timed.of(() -> TensorScope.tidy(() -> files.read(original.site(), method, original.weight())));
        }

        @Override
        public void close() {}
    }

    /// What calibration says of a block's targets; null where no method asks.
    private @Nullable BlockStatistics measure(SourceBlock block) {
        return stream == null
                ? null
                : time.calibrating(() -> stream.measure(block, targets(block).toList(), statistics));
    }

    private Stream<LinearSite> targets(SourceBlock block) {
        return targets.stream().filter(site -> site.layer() == block.index());
    }

    /// Gives back what only this block needed. Streams of the block before last are needed no more; the one
    /// before the last stays in case the last turns out torn.
    private void leave(SourceBlock block) {
        block.release();
        if (block.index() > 0) {
            if (stream != null) {
                stream.hidden().forget(block.index() - 1);
            }
            jobs.forEach(job -> job.probe.forget(block.index() - 1));
        }
    }
}
