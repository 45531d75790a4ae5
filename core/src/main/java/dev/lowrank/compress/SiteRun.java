package dev.lowrank.compress;

import dev.lowrank.compress.Decomposer.FromFiles;
import dev.lowrank.compress.Decomposer.FromStatistics;
import dev.lowrank.compress.GradientPass.Labels;
import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.BlockStatistics;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.MixedPrecision;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Jobs whose methods treat every linear by itself, and who would measure the same alone: they share the
/// pass that decomposes, the evidence of allocators and the pass that cuts ([SideBySideCut]).
///
/// Where every job's ranks are known ahead, a block is decomposed and cut at once and nothing of it is
/// kept. Where some allocator must see the whole model first, decompositions go to working files, and a
/// second pass over the blocks cuts them.
final class SiteRun implements AutoCloseable {
    private final LanguageModel source;
    private final DecoderSpec spec;
    private final Key key;
    private final List<JobState> bySite;
    /// Those whose blocks are cut side by side, without a sequential update.
    private final List<JobState> jobs;
    private final List<SiteMethod> methods;
    private final List<LinearSite> targets;
    private final Set<Statistic> statistics;
    private final List<int[]> windows;
    private final @Nullable ValidationSet validation;
    private final @Nullable CalibrationStream stream;
    private final RunState state;
    private final DecompositionFiles files;
    private final @Nullable RoundingFiles roundings;
    private final OutputGradients felt;
    private final boolean ranksKnown;
    private final Progress progress;
    private final Stopwatch time;
    private final RankDecision ranks;
    /// What only judges may be measured in the type that is quicker here; what is written comes from F32.
    private final DType products;

    /// What jobs must have in common, so that each writes what it would write alone.
    ///
    /// @param decomposition calibration windows that make decompositions
    /// @param judging whether these decompositions only decide ranks, and an update makes those that are
    ///     written
    /// @param targets sites of all, in execution order: who measures together decides on which side
    /// @param seed draws the labels of gradient passes
    /// @param probe what is measured of rounding; null for nothing
    record Key(
            int decomposition,
            boolean judging,
            List<LinearSite> targets,
            long seed,
            @Nullable RoundingProbe probe) {
        static Key of(JobState job) {
            return new Key(
                    job.plan.shares().decomposition(),
                    job.recipe().update() != null,
                    job.plan.targets().stream().map(SitePlan::site).toList(),
                    job.recipe().seed(),
                    RoundingProbe.of(job.recipe()));
        }
    }

    /// @param together jobs of one key
    /// @param state with a folder for the working files of these jobs
    /// @param windows calibration windows; empty for none
    /// @param felt read by methods that need output gradients
    /// @param time clock of what the jobs share
    SiteRun(
            LanguageModel source,
            List<JobState> together,
            RunState state,
            List<int[]> windows,
            @Nullable ValidationSet validation,
            OutputGradients felt,
            Progress progress,
            Stopwatch time) {
        this.source = source;
        this.spec = source.spec();
        this.bySite = together;
        this.key = Key.of(together.getFirst());
        this.jobs = bySite.stream().filter(job -> job.recipe().update() == null).toList();
        this.windows = windows;
        this.validation = validation;
        this.felt = felt;
        this.progress = progress;
        this.time = time;
        this.state = state;
        methods =
                bySite.stream().map(job -> job.recipe().siteMethod()).distinct().toList();
        targets = key.targets();
        statistics = methods.stream()
                .flatMap(method -> method.info().needs().stream())
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Statistic.class)));
        files = new DecompositionFiles(state.work());
        roundings = key.probe() == null ? null : new RoundingFiles(state.work());
        ranksKnown = bySite.stream().allMatch(job -> job.plan.ranksKnown());
        stream = key.decomposition() == 0
                ? null
                : new CalibrationStream(source, windows.subList(0, key.decomposition()), state.work(), "hidden");
        ranks = rankDecision();
        products = key.judging() ? MixedPrecision.products(spec) : DType.F32;
    }

    /// Measures and decides ranks, as far as that is not done.
    ///
    /// @param decomposed whether decompositions must be there in any case
    void decide(boolean decomposed) {
        var undecided = bySite.stream().filter(job -> !job.allocated()).toList();
        if (decomposed || !undecided.isEmpty()) {
            decomposeAll();
        }
        time.allocating(
                () -> undecided.forEach(job -> ranks.decide(job, job.recipe().allocator())));
    }

    /// Measures, decides ranks, and cuts what needs no sequential update.
    void run() {
        if (!ranksKnown) {
            decide(!jobs.isEmpty() || bySite.stream().anyMatch(job -> job.bound() != null));
        }
        if (!jobs.isEmpty()) {
            if (ranksKnown) {
                cutAsDecomposed();
            } else {
                cutAll(jobs);
            }
        }
    }

    /// Decomposes and measures what allocators ask for, and cuts nothing.
    Decomposed decompose() {
        decomposeAll();
        return new Decomposed(files, ranks.gathered());
    }

    /// Sites that wait for ranks.
    ///
    /// @param files their decompositions
    /// @param evidence what allocators asked for
    record Decomposed(DecompositionFiles files, Evidences.Gathered evidence) {}

    /// Cuts a job in the round that it stands in, unless that was done.
    void cutAgain(JobState job) {
        if (job.entries.size() < spec.blocks().size()) {
            cutAll(List.of(job));
        }
    }

    /// What decides ranks over what was measured here.
    RankDecision ranks() {
        return ranks;
    }

    @Override
    public void close() {
        ranks.close();
    }

    /// One pass: each block is decomposed, cut and forgotten.
    private void cutAsDecomposed() {
        var cut = new SideBySideCut(
                source, targets, jobs, stream == null ? block -> 0 : stream.hidden()::checksum, progress);
        var start = cut.restore();
        if (start == 0 && stream != null) {
            time.calibrating(stream::embed);
        }
        cut.run(start, flowing(), block -> new FromStatistics(measure(block), felt));
    }

    /// First pass of two: decompositions go to working files.
    private void decomposeAll() {
        var hidden = stream == null ? null : stream.hidden();
        var of = decomposedFrom();
        var start = state.decomposed(spec.blocks().size(), of, this::decompositions, hidden);
        if (start == 0 && stream != null) {
            time.calibrating(stream::embed);
        }
        new BlockPass(source, "decompose", flowing(), progress).each(spec.blocks(), start, block -> {
            decompose(block);
            var index = block.index();
            state.finishDecomposing(index, of, decompositions(index), hidden == null ? 0 : hidden.checksum(index + 1));
        });
    }

    /// The files of a block's decompositions.
    private List<Path> decompositions(int block) {
        return targets.stream()
                .filter(site -> site.layer() == block)
                .flatMap(site -> methods.stream()
                        .flatMap(method -> Stream.concat(
                                Stream.of(files.file(site, method)),
                                Stream.ofNullable(roundings).map(rounded -> rounded.file(site, method)))))
                .toList();
    }

    /// What the decompositions are made from; their files' names say the sites and the methods.
    private String decomposedFrom() {
        var feeling = statistics.contains(Statistic.OUTPUT_GRADIENT);
        var shares = bySite.getFirst().plan.shares();
        return "windows " + key.decomposition() + (feeling ? ", gradients by " + shares + ", seed " + key.seed() : "")
                + (key.probe() == null ? "" : ", " + key.probe());
    }

    private void decompose(SourceBlock block) {
        var spent = new ConcurrentHashMap<SiteMethod, LongAdder>();
        SiteWork work;
        var measured = measure(block);
        try (var decomposer = new FromStatistics(measured, felt)) {
            work = SiteWork.each(
                    targets(block).toList(),
                    (site, i) -> TensorScope.tidyRun(() -> {
                        var original = SiteCutter.of(site, block.dense(site));
                        for (var method : methods) {
                            TensorScope.tidyRun(() -> {
                                var timed = decomposer.decompose(method, original);
                                files.write(site, method, timed.result());
                                probe(original, method, timed.result(), measured);
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

    private void probe(
            SiteCutter original, SiteMethod method, Decomposition decomposition, @Nullable BlockStatistics measured) {
        if (key.probe() != null && roundings != null && measured != null) {
            var site = original.site();
            var plain = CompressionPlan.dtype(source, bySite.getFirst().recipe(), site);
            var found = key.probe().measure(original, method, decomposition, measured.of(site), plain);
            roundings.write(site, method, found);
        }
    }

    /// What decides the ranks of jobs that could not know them ahead.
    private RankDecision rankDecision() {
        var judged = bySite.stream()
                .map(job -> job.plan.shares())
                .filter(each -> each.curves() > 0)
                .findFirst();
        var of = decomposedFrom() + judged.map(each -> "; judged by " + each).orElse("") + ", seed " + key.seed();
        var evidences = new Evidences(files, roundings, state.work(), of, new Measured());
        var needs = bySite.stream()
                .flatMap(job -> job.recipe().allocator().info().needs().stream())
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Sensitivity.class)));
        var run = Stream.of("format", "threads", "source", "calibration")
                .map(part -> String.valueOf(bySite.getFirst().fingerprint.path(part)))
                .collect(Collectors.joining("\n", "", "\n" + decomposedFrom()));
        return new RankDecision(
                source,
                files,
                state.work(),
                validation,
                run,
                () -> evidences.gather(targets, methods, needs),
                progress);
    }

    /// What allocators ask for, from the windows that each of the jobs would take alone.
    private final class Measured implements Evidences.Measures {
        @Override
        public GradientPass pass(Labels labels) {
            var some = asking(CalibrationShares::curves).ofCurves(windows);
            return new GradientPass(source, some, labels, state.work(), key.seed(), progress);
        }

        @Override
        public double[] influence() {
            var some = windows.subList(0, asking(CalibrationShares::influence).influence());
            return BlockInfluences.measure(source, some, state.work(), progress);
        }

        @Override
        public long tokens() {
            return key.decomposition() == 0 ? 0 : (long) key.decomposition() * windows.getFirst().length;
        }

        private CalibrationShares asking(ToIntFunction<CalibrationShares> part) {
            return bySite.stream()
                    .map(job -> job.plan.shares())
                    .filter(shares -> part.applyAsInt(shares) > 0)
                    .findFirst()
                    .orElseThrow();
        }
    }

    /// Second pass of two: decompositions come from working files.
    private void cutAll(List<JobState> some) {
        var cut = new SideBySideCut(source, targets, some, block -> 0, progress);
        cut.run(cut.restore(), flowing(), block -> new FromFiles(files));
    }

    /// What calibration says of a block's targets; null where no method asks.
    private @Nullable BlockStatistics measure(SourceBlock block) {
        return stream == null
                ? null
                : time.calibrating(() -> stream.measure(
                        block, products, targets(block).toList(), statistics, role -> key.probe() != null));
    }

    private Stream<LinearSite> targets(SourceBlock block) {
        return targets.stream().filter(site -> site.layer() == block.index());
    }

    /// What flows through the blocks for calibration.
    private List<HiddenStates> flowing() {
        return stream == null ? List.of() : List.of(stream.hidden());
    }
}
