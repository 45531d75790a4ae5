package dev.lowrank.compress;

import dev.lowrank.compress.CalibrationStream.Batch;
import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.method.Problem;
import dev.lowrank.compress.quantize.RoundingMetric;
import dev.lowrank.compress.statistics.CrossMoment;
import dev.lowrank.compress.statistics.SecondMoment;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.model.Angles;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.Feed;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.MixedPrecision;
import dev.lowrank.model.Progress;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Cuts one job's blocks in order, each site fitted to what it sees in the model compressed so far; see
/// [SequentialUpdate].
///
/// Both models multiply by their weights in BF16 where the processor is quicker at that ([MixedPrecision]),
/// as they do where they serve; moments are summed in F32 and F64 all the same.
final class SequentialCut {
    private final LanguageModel source;
    private final JobState job;
    private final SequentialUpdate update;
    private final OutputGradients felt;
    private final Progress progress;
    private final DType products;
    private final CalibrationStream whole;
    private final CalibrationStream cut;
    /// What fed the sites of the whole model's block.
    private final Map<Feed, HiddenStates> feeds = new EnumMap<>(Feed.class);
    /// How far the compressed model's block has run.
    private final HiddenStates heads;

    private final HiddenStates attended;
    private final HiddenStates inner;

    /// @param windows calibration windows
    /// @param felt read by methods that need output gradients
    SequentialCut(
            LanguageModel source,
            JobState job,
            SequentialUpdate update,
            List<int[]> windows,
            OutputGradients felt,
            Progress progress) {
        this.source = source;
        this.job = job;
        this.update = update;
        this.felt = felt;
        this.progress = progress;
        this.products = MixedPrecision.products(source.spec());
        var some = windows.subList(0, Math.min(update.windows(), windows.size()));
        var work = job.folder.workFolder();
        whole = new CalibrationStream(source, some, work, "whole");
        cut = new CalibrationStream(source, some, work, "cut");
        var length = some.getFirst().length;
        var first = source.spec().blocks().getFirst();
        first.sites().forEach(site -> {
            var feed = site.role().feed();
            feeds.computeIfAbsent(feed, any -> new HiddenStates(work, "feed-" + feed.ordinal(), length, site.in()));
        });
        heads = new HiddenStates(
                work, "heads", length, first.require(Role.O_PROJ).in());
        attended = new HiddenStates(work, "attended", length, source.spec().hiddenSize());
        inner = new HiddenStates(
                work, "inner", length, first.require(Role.DOWN_PROJ).in());
    }

    /// Cuts and writes every block that is not finished yet.
    void run() {
        var blocks = source.spec().blocks();
        var start = job.restore(blocks.size(), this::checksum);
        if (start == 0) {
            job.startProbe(Embedding.of(source), CompressionPlan.embeddingType(source, job.recipe()));
            whole.embed();
            cut.embed();
        }
        var streams = List.of(whole.hidden(), cut.hidden(), job.probe);
        new BlockPass(source, "update", streams, progress).each(blocks, start, block -> {
            try (var arena = Arena.ofShared()) {
                var outcomes = new LinkedHashMap<LinearSite, Outcome>();
                job.time.calibratingAndDecomposing(() -> cut(block, outcomes, arena));
                var writer = new BlockWriter(job, block, outcomes, this::checksum);
                job.time.writing(() -> writer.write(arena));
            }
        });
        feeds.values().forEach(feed -> feed.forget(0));
        Stream.of(heads, attended, inner).forEach(states -> states.forget(0));
    }

    private long checksum(int block) {
        return 31 * whole.hidden().checksum(block) + cut.hidden().checksum(block);
    }

    private void cut(SourceBlock block, Map<LinearSite, Outcome> outcomes, Arena arena) {
        runWhole(block);
        var linears = new LinkedHashMap<LinearSite, Linear>(block.linears());
        for (var feed : Feed.values()) {
            var sites = block.block().sites().stream()
                    .filter(site -> site.role().feed() == feed)
                    .toList();
            TensorScope.tidyRun(() -> outcomes.putAll(cut(block, feed, sites, linears, arena)));
            for (var site : sites) {
                linears.put(site, BlockWriter.inMemory(job, block, site, outcomes.get(site), arena));
            }
        }
        TensorScope.tidyRun(() -> {
            var current = block.load(site -> of(linears, site), products);
            cut.eachBatch((share, batch) -> cut.hidden()
                    .write(
                            block.index() + 1,
                            batch.first(),
                            current.output(read(attended, batch), read(inner, batch))));
        });
    }

    /// Runs the whole model's block and stores what fed its sites.
    private void runWhole(SourceBlock block) {
        TensorScope.tidyRun(() -> {
            var loaded = block.load(products);
            var angles = whole.angles();
            whole.eachBatch((share, batch) -> {
                var tap = new SiteTap() {
                    @Override
                    public void input(Feed feed, Tensor input) {
                        of(feeds, feed).write(0, batch.first(), input);
                    }
                };
                var input = whole.hidden().read(block.index(), batch.first(), batch.count());
                whole.hidden().write(block.index() + 1, batch.first(), loaded.forward(input, angles, null, tap));
            });
        });
    }

    /// Runs the compressed block up to a feed and cuts the targets that it feeds.
    private Map<LinearSite, Outcome> cut(
            SourceBlock block, Feed feed, List<LinearSite> sites, Map<LinearSite, Linear> linears, Arena arena) {
        try (var store = new TensorStore("moments of block " + block.index())) {
            var targets = sites.stream().filter(job::targets).toList();
            var moments = new ArrayList<CrossMoment>();
            var weight = narrowing(block, targets);
            for (var share = 0; share < cut.shares() && !targets.isEmpty(); share++) {
                moments.add(new CrossMoment(targets.getFirst().in(), weight, store));
            }
            var current = block.load(site -> of(linears, site), products);
            var angles = cut.angles();
            cut.eachBatch((share, batch) -> {
                var seen = run(block, current, angles, feed, batch);
                if (!targets.isEmpty()) {
                    moments.get(share).add(read(of(feeds, feed), batch), seen);
                }
            });
            if (targets.isEmpty()) {
                return Map.of();
            }
            moments.subList(1, moments.size()).forEach(moments.getFirst()::add);
            var fit = moments.getFirst()
                    .fit(update.ridge(), "inputs of " + targets.getFirst().name());
            var results = new Outcome[targets.size()];
            var storage = job.recipe().storage();
            var metric = storage.rounds() || storage.outliers() != null
                    ? metric(fit, "inputs of " + targets.getFirst().name())
                    : null;
            SiteWork.each(
                    targets,
                    (site, i) ->
                            TensorScope.tidyRun(() -> results[i] = cut(site, block.dense(site), fit, metric, arena)));
            var outcomes = new LinkedHashMap<LinearSite, Outcome>();
            for (var i = 0; i < results.length; i++) {
                outcomes.put(targets.get(i), results[i]);
            }
            return outcomes;
        }
    }

    /// What rounding errors weigh: the moment as the method cuts by it.
    private RoundingMetric metric(CrossMoment.Fit fit, String subject) {
        return TensorScope.tidy(() -> {
            var shrinkage = job.recipe().siteMethod().inputShrinkage();
            var moment = fit.moment();
            var shrunk = shrinkage.apply(new SecondMoment.Input(moment), moment, fit.tokens());
            return RoundingMetric.of(shrunk.moment().sum(), subject);
        });
    }

    /// The weight of a feed's only target where it has fewer outputs than inputs, in the innermost scope;
    /// null for others.
    private @Nullable Tensor narrowing(SourceBlock block, List<LinearSite> targets) {
        if (targets.size() != 1
                || targets.getFirst().out() >= targets.getFirst().in()) {
            return null;
        }
        return Tensors.from(block.dense(targets.getFirst()).weight(), products);
    }

    /// Takes a batch through the compressed block to what feeds the next sites, from where it stood.
    ///
    /// @return what feeds them
    private Tensor run(SourceBlock block, TorchBlock current, @Nullable Angles angles, Feed feed, Batch batch) {
        return switch (feed) {
            case ATTENTION_INPUT -> current.attentionInput(hidden(block, batch));
            case ATTENTION_OUTPUT -> kept(heads, batch, current.heads(hidden(block, batch), angles));
            case MLP_INPUT ->
                current.mlpInput(kept(attended, batch, current.attended(hidden(block, batch), read(heads, batch))));
            case MLP_HIDDEN -> kept(inner, batch, current.mlpHidden(read(attended, batch)));
        };
    }

    private Tensor hidden(SourceBlock block, Batch batch) {
        return cut.hidden().read(block.index(), batch.first(), batch.count());
    }

    private static Tensor read(HiddenStates states, Batch batch) {
        return states.read(0, batch.first(), batch.count());
    }

    private static Tensor kept(HiddenStates states, Batch batch, Tensor tensor) {
        states.write(0, batch.first(), tensor);
        return tensor;
    }

    private Outcome cut(
            LinearSite site, Linear.Dense dense, CrossMoment.Fit fit, @Nullable RoundingMetric metric, Arena arena) {
        var original = SiteCutter.of(site, dense);
        var weight = original.weight();
        var fitted = original.with(fit.fitted(weight, update.alpha()));
        var choice = job.allocation().of(site);
        var dtype = CompressionPlan.dtype(source, job.recipe(), site);
        var storage = SiteStorage.of(job.recipe(), choice, dtype, arena);
        if (choice.isDense()) {
            return storage.keepsDense()
                    ? fitted.refitted(dtype, arena)
                    : storage.store(fitted, other -> kept(other, dtype), true, metric);
        }
        var method = job.recipe().siteMethod();
        var statistics = SiteStatistics.of(fit.tokens(), new SecondMoment.Input(fit.moment()));
        var complete = felt.completing(statistics, method, site);
        return storage.store(
                fitted,
                other -> {
                    var problem = new Problem(site, other.weight(), complete, choice.rank());
                    return other.cut(method, method.decompose(problem), choice, storage.cutType(), storage.cutArena());
                },
                true,
                metric);
    }

    private Outcome kept(SiteCutter fitted, DType dtype) {
        var kept = fitted.kept(dtype);
        return update.alpha() == 0 ? kept : new Outcome(null, kept.report().noted(SiteCutter.REFITTED));
    }

    private static <K, V> V of(Map<K, V> map, K key) {
        return Objects.requireNonNull(map.get(key), String.valueOf(key));
    }
}
