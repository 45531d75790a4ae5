package dev.lowrank.compress;

import dev.lowrank.compress.GradientPass.Labels;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.method.StreamRotation;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.Grad;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.ValidationSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// All jobs together: what several would measure alike is measured once; each writes what it would write
/// alone.
///
/// Shared work lies with the first job: gradients at all outputs by their seed, decompositions and evidence
/// by [SiteRun.Key].
final class CompressionRun {
    private final LanguageModel source;
    private final List<JobState> all;
    private final List<int[]> windows;
    private final @Nullable CalibrationSet calibration;
    private final @Nullable ValidationSet validation;
    private final Progress progress;
    private final Map<Long, Felt> felt = new HashMap<>();
    private final Map<JobState, Stopwatch> clocks = new HashMap<>();

    CompressionRun(
            LanguageModel source,
            List<JobState> all,
            @Nullable CalibrationSet calibration,
            @Nullable ValidationSet validation,
            Progress progress) {
        this.source = source;
        this.all = all;
        this.calibration = calibration;
        this.windows = calibration == null ? List.of() : calibration.windows();
        this.validation = validation;
        this.progress = progress;
    }

    /// Gradients at the outputs of sites, by one seed.
    ///
    /// @param nanos that measuring them took
    private record Felt(OutputGradients gradients, long nanos) {}

    List<CompressionReport> run() {
        return Grad.off(() -> {
            var together = new LinkedHashMap<SiteRun.Key, List<JobState>>();
            all.stream()
                    .filter(CompressionRun::bySite)
                    .forEach(job -> together.computeIfAbsent(SiteRun.Key.of(job), any -> new ArrayList<>())
                            .add(job));
            var number = 0;
            for (var jobs : together.values()) {
                cutBySite(jobs, number++);
            }
            all.forEach(this::cutWhole);
            var finish = new Finish(source);
            var reports = new ArrayList<CompressionReport>();
            for (var job : all) {
                if (all.size() > 1) {
                    progress.step("finish", reports.size(), all.size());
                }
                reports.add(finish.finish(job, clocks.getOrDefault(job, new Stopwatch())));
            }
            return List.copyOf(reports);
        });
    }

    /// Measures what decides the ranks of a job, and decides them; nothing is cut.
    void decide() {
        Grad.off(() -> {
            var job = all.getFirst();
            var metric = felt(job.recipe().seed());
            var state = job.state.sharing("shared-0");
            var time = new Stopwatch();
            try (var sites = new SiteRun(source, all, state, windows, validation, metric.gradients(), progress, time)) {
                sites.decide(false);
            }
            return job;
        });
    }

    /// Decomposes the sites of the first job and measures what its allocator asks for, and cuts nothing.
    SiteRun.Decomposed decompose() {
        return Grad.off(() -> {
            var jobs = all.subList(0, 1);
            var gradients = felt(jobs.getFirst().recipe().seed()).gradients();
            var state = jobs.getFirst().state.sharing("shared-0");
            try (var sites =
                    new SiteRun(source, jobs, state, windows, validation, gradients, progress, new Stopwatch())) {
                return sites.decompose();
            }
        });
    }

    private static boolean bySite(JobState job) {
        return job.recipe().method() instanceof SiteMethod;
    }

    private void cutBySite(List<JobState> jobs, int number) {
        var time = new Stopwatch();
        jobs.forEach(job -> clocks.put(job, time));
        if (jobs.stream().allMatch(JobState::done)) {
            // What these shared may have gone with the first job, which is finished.
            jobs.forEach(JobState::restoreDone);
            return;
        }
        var metric = felt(jobs.getFirst().recipe().seed());
        if (jobs.stream().anyMatch(CompressionRun::feels)) {
            time.calibrated(metric.nanos());
        }
        var state = all.getFirst().state.sharing("shared-" + number);
        try (var sites = new SiteRun(source, jobs, state, windows, validation, metric.gradients(), progress, time)) {
            sites.run();
            jobs.forEach(job -> cutSequentially(job, metric.gradients()));
            jobs.forEach(job -> meetBound(job, sites, metric.gradients()));
        }
    }

    private void cutSequentially(JobState job, OutputGradients gradients) {
        var update = job.recipe().update();
        if (update != null) {
            new SequentialCut(source, job, update, windows, gradients, progress).run();
        }
    }

    /// Cuts a job again until what it writes is within the bound that its recipe sets.
    private void meetBound(JobState job, SiteRun sites, OutputGradients gradients) {
        var bound = job.bound();
        if (bound != null) {
            var judged = Objects.requireNonNull(validation).windows();
            Consumer<JobState> cut = again -> {
                if (again.recipe().update() == null) {
                    sites.cutAgain(again);
                } else {
                    cutSequentially(again, gradients);
                }
            };
            new BoundedCut(sites.ranks(), cut, judged, new Finish(source), progress).run(job, bound);
        }
    }

    private static boolean feels(JobState job) {
        return bySite(job)
                && !job.recipe().keepsAll()
                && job.recipe().method().info().needs().contains(Statistic.OUTPUT_GRADIENT);
    }

    /// Gradients at the outputs of the targets of all jobs that need them for a seed; measured once.
    private Felt felt(long seed) {
        return felt.computeIfAbsent(seed, this::measure);
    }

    private Felt measure(long seed) {
        var start = System.nanoTime();
        var state = all.getFirst().state.sharing("gradients-" + seed);
        var gradients = new OutputGradients(state.work());
        var feeling = all.stream()
                .filter(job -> feels(job) && job.recipe().seed() == seed)
                .toList();
        var targets = source.spec()
                .sites()
                .filter(site -> feeling.stream().anyMatch(job -> job.targets(site)))
                .toList();
        var wanted = targets.stream().map(gradients::file).toList();
        var of = feeling.isEmpty() ? "" : feeling.getFirst().plan.shares().toString();
        if (!feeling.isEmpty() && !state.gradientsMeasured(of, wanted)) {
            var some = feeling.getFirst().plan.shares().ofMetric(windows);
            try (var pass = new GradientPass(source, some, Labels.DRAWN, state.work(), seed, progress)) {
                pass.observe(targets, gradients);
            }
            state.finishGradients(of, wanted);
        }
        return new Felt(gradients, System.nanoTime() - start);
    }

    /// Cuts a job whose method looks at more than one linear; each makes its own pass.
    private void cutWhole(JobState job) {
        switch (job.recipe().method()) {
            case SiteMethod _ -> {} // done with the others of its kind
            case BlockRemoval removal -> {
                var judged = validation == null ? calibration() : validation.windows();
                new DepthCut(source, job, removal, calibration(), judged, progress).run();
            }
            case ModuleMethod method -> new ModuleCut(source, job, method, calibration(), progress).run();
            case SharedBasis method -> new SharedCut(source, job, method, calibration(), progress).run();
            case StreamRotation method -> new StreamCut(source, job, method, calibration(), progress).run();
        }
    }

    private List<int[]> calibration() {
        return Objects.requireNonNull(calibration).windows();
    }
}
