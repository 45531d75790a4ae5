package dev.lowrank.compress;

import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.AllocationProblem;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.text.CalibrationSet;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Every model that one method makes of a source, by the ranks of its sites: decomposed once, cut in memory
/// as often as asked, nothing written but working files. What `compress` writes with the same recipe and
/// ranks is what [#stored] gives, byte for byte.
///
/// The working files lie where the job's output would; a run that was stopped takes them up again.
public final class Candidates implements AutoCloseable {
    private final LanguageModel source;
    private final CompressionRecipe recipe;
    private final CompressionPlan plan;
    private final JobState job;
    private final @Nullable CalibrationSet calibration;
    private final Progress progress;
    private SiteRun.@Nullable Decomposed decomposed;

    private Candidates(LanguageModel source, JobState job, @Nullable CalibrationSet calibration, Progress progress) {
        this.source = source;
        this.recipe = job.recipe();
        this.plan = job.plan;
        this.job = job;
        this.calibration = calibration;
        this.progress = progress;
    }

    /// Prepares; decomposes nothing yet.
    ///
    /// @param job a recipe of a method that treats every linear by itself, without update; its allocator
    ///     says
    ///     what is measured of the sites, its budget nothing
    /// @param calibration text that steers the method; null only if nothing needs it
    /// @throws IllegalArgumentException for a recipe of another kind
    public static Candidates open(
            LanguageModel source, Job job, @Nullable CalibrationSet calibration, Progress progress) {
        var recipe = job.recipe();
        recipe.siteMethod();
        if (recipe.update() != null) {
            throw new IllegalArgumentException(
                    "Candidates are cut from one decomposition of every site, which an update would make anew for each;"
                            + " leave the update out");
        }
        var state = Compression.open(source, job, calibration);
        return new Candidates(source, state, calibration, progress);
    }

    /// The sites that may be cut, in execution order.
    public List<LinearSite> sites() {
        return job.sites();
    }

    /// What decides ranks under a budget for the sites.
    public AllocationProblem problem(Budget budget) {
        var gathered = decomposed().evidence();
        var evidence = plan.targets().stream()
                .map(site -> gathered.of(recipe.siteMethod(), site.site(), site.dtype()))
                .toList();
        return recipe.problem(evidence, null).withBudget(budget);
    }

    /// The same without anything measured.
    public AllocationProblem shapes() {
        var evidence = plan.targets().stream()
                .map(site -> Evidence.of(site.site(), site.dtype()))
                .toList();
        return recipe.problem(evidence, null).withBudget(new Budget.Unbounded(CostUnit.BYTES));
    }

    /// The choices of an allocator that needs nothing measured, without a budget.
    public Allocation choices(Allocator allocator) {
        return allocator.allocate(shapes());
    }

    /// Bytes of all weights of a candidate.
    public long bytes(Allocation candidate) {
        return plan.bytesDense() + saved(CostUnit.BYTES, candidate);
    }

    /// Numbers of a whole candidate.
    public long parameters(Allocation candidate) {
        return plan.parametersBefore() + saved(CostUnit.PARAMETERS, candidate);
    }

    /// Bytes of weights that one decoded token of a candidate reads: all but an embedding that is not the
    /// head.
    public long decodeBytes(Allocation candidate) {
        var spec = source.spec();
        var table = spec.tied()
                ? 0
                : (long) spec.vocabSize() * spec.hiddenSize() * plan.restType().bytes();
        return plan.bytesDense() - table + saved(CostUnit.DECODE_BYTES, candidate);
    }

    private long saved(CostUnit unit, Allocation candidate) {
        var change = 0L;
        for (var target : plan.targets()) {
            var site = target.site();
            change += unit.cost(site, target.dtype(), candidate.of(site))
                    - unit.cost(site, target.dtype(), Choice.dense(site));
        }
        return change;
    }

    /// The linears that a candidate changes, to measure with: F32 factors, which compute what the storage
    /// forms would without their rounding.
    ///
    /// @param arena owner of the result's memory
    public Map<LinearSite, Linear> trial(Allocation candidate, Arena arena) {
        var cuts = new TrialCuts(decomposed().files(), recipe.siteMethod());
        var linears = new HashMap<LinearSite, Linear>();
        for (var block : source.spec().blocks()) {
            linears.putAll(cuts.of(SourceBlock.of(source, block), candidate, arena));
        }
        return linears;
    }

    /// The linears that a candidate changes, exactly as they would be written.
    ///
    /// @param arena owner of the result's memory
    public Map<LinearSite, Linear> stored(Allocation candidate, Arena arena) {
        var files = decomposed().files();
        var method = recipe.siteMethod();
        var linears = new ConcurrentHashMap<LinearSite, Linear>();
        for (var block : source.spec().blocks()) {
            var opened = SourceBlock.of(source, block);
            var cut = block.sites().stream()
                    .filter(job::targets)
                    .filter(site -> !candidate.of(site).isDense())
                    .toList();
            SiteWork.each(
                    cut,
                    (site, i) -> TensorScope.tidyRun(() -> {
                        var original = SiteCutter.of(site, opened.dense(site));
                        var made = files.read(site, method, original.weight());
                        var dtype = CompressionPlan.dtype(source, recipe, site);
                        if (original.cut(method, made, candidate.of(site), dtype, arena)
                                instanceof Outcome(Linear linear, var _)) {
                            linears.put(site, linear);
                        }
                    }));
        }
        return linears;
    }

    private SiteRun.Decomposed decomposed() {
        if (decomposed == null) {
            decomposed = new CompressionRun(source, List.of(job), calibration, null, progress).decompose();
        }
        return decomposed;
    }

    /// Deletes the working files: nothing will be asked for again.
    public void discard() {
        job.folder.discard();
    }

    @Override
    public void close() {
        job.close();
    }
}
