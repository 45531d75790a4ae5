package dev.lowrank.compress;

import dev.lowrank.compress.statistics.BlockStatistics;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.model.output.ModelFolder.StoredSite;
import dev.lowrank.model.output.OutputTensor;
import dev.lowrank.model.output.Shards;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.text.CalibrationSet;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/// One pass over the blocks for all jobs: calibrate, decompose, write the block's part, note it in the
/// journal.
final class BlockwiseRun {
    /// Largest weight, in numbers, that is decomposed beside another: a decomposition holds about six F64
    /// copies.
    private static final long SIDE_BY_SIDE = 8_000_000;

    private final LanguageModel source;
    private final DecoderSpec spec;
    private final List<JobState> jobs;
    private final List<int[]> windows;
    private final @Nullable HiddenStates hidden;
    private final Set<Statistic> needs;
    private final Progress progress;
    private final Stopwatch time = new Stopwatch();

    BlockwiseRun(LanguageModel source, List<JobState> jobs, @Nullable CalibrationSet calibration, Progress progress) {
        this.source = source;
        this.spec = source.spec();
        this.jobs = jobs;
        this.needs = jobs.stream()
                .flatMap(job -> job.recipe().method().info().needs().stream())
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Statistic.class)));
        this.windows = calibration == null || needs.isEmpty() ? List.of() : calibration.windows();
        this.hidden = windows.isEmpty()
                ? null
                : new HiddenStates(
                        jobs.getFirst().folder.workFolder(),
                        "hidden",
                        windows.getFirst().length,
                        source.spec().hiddenSize());
        this.progress = progress;
    }

    List<CompressionReport> run() {
        return Grad.off(() -> {
            var blocks = spec.blocks().size();
            for (var job : jobs) {
                job.entries.addAll(job.state.finished(blocks, job == jobs.getFirst() ? hidden : null, job.probe));
            }
            var start = jobs.stream().mapToInt(job -> job.entries.size()).min().orElse(0);
            jobs.forEach(job -> job.entries.subList(start, job.entries.size()).clear());
            if (start == 0) {
                embed();
            }
            for (var block = start; block < blocks; block++) {
                progress.step("compress", block, blocks);
                compress(spec.blocks().get(block));
            }
            progress.step("compress", blocks, blocks);
            var finish = new Finish(source, time);
            return jobs.stream().map(job -> finish.finish(job)).toList();
        });
    }

    /// The residual stream before the first block.
    private void embed() {
        var embedding = Embedding.of(source);
        time.calibrating(() -> {
            for (var batch : batches()) {
                TensorScope.tidyRun(() -> require(hidden)
                        .write(0, batch.first(), embedding.lookup(windows.subList(batch.first(), batch.end()), 0)));
            }
        });
        for (var job : jobs) {
            var dtype = CompressionPlan.embeddingType(source, job.recipe());
            TensorScope.tidyRun(() -> job.probe.write(
                    0,
                    0,
                    embedding.lookup(List.of(job.probeTokens), 0).to(dtype).to(DType.F32)));
        }
    }

    private record Batch(int first, int end) {}

    private List<Batch> batches() {
        var batches = new ArrayList<Batch>();
        if (!windows.isEmpty()) {
            var size = Math.max(1, Compression.BATCH_TOKENS / windows.getFirst().length);
            for (var first = 0; first < windows.size(); first += size) {
                batches.add(new Batch(first, Math.min(windows.size(), first + size)));
            }
        }
        return batches;
    }

    private void compress(Block block) {
        TensorScope.tidyRun(() -> compressInScope(block));
    }

    private void compressInScope(Block block) {
        try (var arena = Arena.ofShared()) {
            var linears = new HashMap<LinearSite, Linear.Dense>();
            block.sites().forEach(site -> linears.put(site, dense(site)));
            var targets = new LinkedHashSet<LinearSite>();
            jobs.forEach(job -> targets.addAll(job.targets(block.index())));
            var outcomes = jobs.stream()
                    .map(job -> new LinkedHashMap<LinearSite, SiteCompressor.Outcome>())
                    .toList();
            try (var statistics = time.calibrating(() -> measure(block, linears, List.copyOf(targets)))) {
                decompose(List.copyOf(targets), linears, statistics, outcomes, arena);
            }
            for (var i = 0; i < jobs.size(); i++) {
                var job = jobs.get(i);
                var results = outcomes.get(i);
                job.time.writing(() -> write(job, block, linears, results, arena));
            }
        }
        source.weights().release(block);
        forgetBefore(block.index());
    }

    /// Sites are independent, so they are decomposed side by side, each on one core.
    private void decompose(
            List<LinearSite> sites,
            Map<LinearSite, Linear.Dense> linears,
            BlockStatistics statistics,
            List<? extends Map<LinearSite, SiteCompressor.Outcome>> outcomes,
            Arena arena) {
        var measured = sites.stream().map(statistics::of).toList();
        var wanting = sites.stream()
                .map(site -> jobs.stream()
                        .filter(job -> job.targets(site.layer()).contains(site))
                        .toList())
                .toList();
        var results = new ArrayList<List<SiteCompressor.Outcome>>(Collections.nCopies(sites.size(), List.of()));
        var busy = new long[sites.size()];
        var start = System.nanoTime();
        IntConsumer decomposition = i -> {
            var begin = System.nanoTime();
            results.set(i, decompose(sites.get(i), of(linears, sites.get(i)), measured.get(i), wanting.get(i), arena));
            busy[i] = System.nanoTime() - begin;
        };
        if (sites.stream().allMatch(site -> site.weightParameters() <= SIDE_BY_SIDE)) {
            Compute.each(sites.size(), decomposition);
        } else {
            IntStream.range(0, sites.size()).forEach(decomposition);
        }
        // Sites overlap: a job's own time is its share of the work, as wall clock.
        var wallShare = (double) (System.nanoTime() - start)
                / Math.max(1, LongStream.of(busy).sum());
        for (var i = 0; i < sites.size(); i++) {
            for (var j = 0; j < wanting.get(i).size(); j++) {
                var job = wanting.get(i).get(j);
                var outcome = results.get(i).get(j);
                outcomes.get(jobs.indexOf(job)).put(sites.get(i), outcome);
                job.time.decomposed((long) (outcome.nanos() * wallShare));
            }
        }
    }

    /// Runs the calibration text through the block: each thread takes a fixed share of the batches and sums
    /// its own statistics, which are then added in a fixed order.
    private BlockStatistics measure(Block block, Map<LinearSite, Linear.Dense> linears, List<LinearSite> targets) {
        var shares =
                windows.isEmpty() ? 1 : Math.min(Compute.threads(), batches().size());
        var statistics = new ArrayList<BlockStatistics>();
        try {
            for (var i = 0; i < shares; i++) {
                statistics.add(BlockStatistics.of(targets, windows.isEmpty() ? Set.of() : needs, site -> {
                    var bias = of(linears, site).bias();
                    return bias == null ? null : Tensors.from(bias, DType.F32);
                }));
            }
            if (!windows.isEmpty()) {
                TensorScope.tidyRun(() -> {
                    var loaded = TorchBlock.load(spec, block, source.weights(), site -> of(linears, site));
                    var angles = TorchBlock.Angles.of(spec, 0, windows.getFirst().length);
                    Compute.each(shares, share -> forward(block, loaded, angles, share, shares, statistics.get(share)));
                });
            }
            for (var other : statistics.subList(1, shares)) {
                statistics.getFirst().add(other);
                other.close();
            }
            return statistics.getFirst();
        } catch (RuntimeException failure) {
            statistics.forEach(BlockStatistics::close);
            throw failure;
        }
    }

    private void forward(
            Block block,
            TorchBlock loaded,
            TorchBlock.@Nullable Angles angles,
            int share,
            int shares,
            BlockStatistics statistics) {
        var batches = batches();
        var last = block.index() == spec.blocks().size() - 1;
        for (var i = share; i < batches.size(); i += shares) {
            var batch = batches.get(i);
            TensorScope.tidyRun(() -> {
                var input = require(hidden).read(block.index(), batch.first(), batch.end() - batch.first());
                var output = loaded.forward(input, angles, null, statistics);
                if (!last) {
                    require(hidden).write(block.index() + 1, batch.first(), output);
                }
            });
        }
    }

    private List<SiteCompressor.Outcome> decompose(
            LinearSite site, Linear.Dense dense, SiteStatistics statistics, List<JobState> wanting, Arena arena) {
        var recipes = wanting.stream().map(JobState::recipe).toList();
        var dtypes = recipes.stream()
                .map(recipe -> CompressionPlan.dtype(source, recipe, site))
                .toList();
        return SiteCompressor.compress(site, dense, statistics, recipes, dtypes, arena);
    }

    /// Writes the block's tensors, runs the probe through what was written, and declares the block
    /// finished.
    private void write(
            JobState job,
            Block block,
            Map<LinearSite, Linear.Dense> originals,
            Map<LinearSite, SiteCompressor.Outcome> outcomes,
            Arena arena) {
        var tensors = new ArrayList<OutputTensor>();
        var inMemory = new HashMap<LinearSite, Linear>();
        var stored = new LinkedHashMap<String, StoredSite>();
        for (var site : block.sites()) {
            var outcome = outcomes.get(site);
            var linear = outcome == null ? null : outcome.linear();
            if (linear == null) {
                var dtype = CompressionPlan.dtype(source, job.recipe(), site);
                inMemory.put(site, Rounding.linear(of(originals, site), dtype, arena));
                source.weights().tensorNames(site).forEach(name -> tensors.add(Finish.fromSource(source, name, dtype)));
            } else {
                inMemory.put(site, linear);
                tensors.addAll(OutputTensor.of(site.name(), linear));
                stored.put(site.name(), StoredSite.of(linear));
            }
        }
        Shards.writeFile(job.folder, RunState.partName(block.index()), tensors);
        probe(job, block, inMemory);
        var entry = new RunState.Entry(
                outcomes.values().stream().map(SiteCompressor.Outcome::report).toList(),
                stored,
                WorkFiles.checksum(job.state.part(block.index())),
                hidden == null ? 0 : hidden.checksum(block.index() + 1),
                job.probe.checksum(block.index() + 1));
        job.state.finish(block.index(), entry);
        job.entries.add(entry);
    }

    private void probe(JobState job, Block block, Map<LinearSite, Linear> linears) {
        TensorScope.tidyRun(() -> {
            var loaded = TorchBlock.load(spec, block, source.weights(), site -> of(linears, site));
            var angles = TorchBlock.Angles.of(spec, 0, job.probeTokens.length);
            var output = loaded.forward(job.probe.read(block.index(), 0, 1), angles, null, SiteTap.NONE);
            job.probe.write(block.index() + 1, 0, output);
        });
    }

    /// Streams of earlier blocks are needed no more; the one before last stays in case the last turns out
    /// torn.
    private void forgetBefore(int block) {
        if (block > 0) {
            if (hidden != null) {
                hidden.forget(block - 1);
            }
            jobs.forEach(job -> job.probe.forget(block - 1));
        }
    }

    private Linear.Dense dense(LinearSite site) {
        if (source.weights().linear(site) instanceof Linear.Dense dense) {
            return dense;
        }
        throw new IllegalStateException(site.name() + " is not dense, though the plan checked that");
    }

    private static <L extends Linear> L of(Map<LinearSite, L> linears, LinearSite site) {
        return Objects.requireNonNull(linears.get(site), site.name());
    }

    private static HiddenStates require(@Nullable HiddenStates hidden) {
        if (hidden == null) {
            throw new IllegalStateException("There is no calibration text to run");
        }
        return hidden;
    }
}
