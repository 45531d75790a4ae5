package dev.lowrank.compress;

import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.Method;
import dev.lowrank.compress.method.Problem;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Compresses one site for several recipes at once: each method decomposes it once, each recipe cuts and
/// stores.
final class SiteCompressor {
    private SiteCompressor() {}

    /// A site's outcome under one recipe.
    ///
    /// @param linear what it stores; null if it keeps its own weight
    /// @param report for the user
    /// @param nanos what it took, the decomposition counted in full though recipes may share it
    record Outcome(@Nullable Linear linear, SiteReport report, long nanos) {
        private Outcome took(long more) {
            return new Outcome(linear, report, nanos + more);
        }
    }

    /// @param nanos what it took
    private record Timed(Decomposition decomposition, long nanos) {}

    /// Compresses a site.
    ///
    /// @param dense its original
    /// @param statistics what was measured; holds what every method of `recipes` needs
    /// @param recipes in order
    /// @param dtypes element type to store, for each recipe
    /// @param arena owner of what is stored
    /// @return an outcome for each recipe
    static List<Outcome> compress(
            LinearSite site,
            Linear.Dense dense,
            SiteStatistics statistics,
            List<CompressionRecipe> recipes,
            List<DType> dtypes,
            Arena arena) {
        return TensorScope.tidy(() -> {
            var weight = SiteWriter.exact(dense.weight(), site.name() + ".weight"); // [out, in]
            var bias = dense.bias() == null ? null : SiteWriter.exact(dense.bias(), site.name() + ".bias");
            var problem = new Problem(site, weight, statistics);
            var decompositions = new HashMap<Method, Timed>();
            var outcomes = new Outcome[recipes.size()];
            for (var i = 0; i < outcomes.length; i++) {
                var recipe = recipes.get(i);
                var timed = decompositions.computeIfAbsent(recipe.method(), method -> decompose(method, problem));
                var start = System.nanoTime();
                outcomes[i] = store(problem, bias, timed.decomposition(), recipe, dtypes.get(i), arena)
                        .took(timed.nanos() + System.nanoTime() - start);
            }
            return List.of(outcomes);
        });
    }

    private static Timed decompose(Method method, Problem problem) {
        var start = System.nanoTime();
        var decomposition = TensorScope.tidy(() -> method.decompose(problem));
        return new Timed(decomposition, System.nanoTime() - start);
    }

    private static Outcome store(
            Problem problem,
            @Nullable Tensor bias,
            Decomposition decomposition,
            CompressionRecipe recipe,
            DType dtype,
            Arena arena) {
        var site = problem.site();
        var plan = SitePlan.choose(site, recipe, dtype, decomposition.singular().toDoubles());
        if (plan.form() == StorageForm.DENSE) {
            return kept(site, dtype);
        }
        var linear = TensorScope.tidy(() -> {
            var factors = recipe.method().cut(decomposition, plan.rank());
            var mean = decomposition.mean();
            var stored = mean == null ? bias : SiteWriter.restoringBias(bias, problem.weight(), factors, mean);
            return SiteWriter.write(factors, plan.form(), stored, dtype, arena, site.name());
        });
        if (linear.bytes() >= denseBytes(site, bias, dtype)) {
            // The plan weighed the matrix alone; a bias that the method adds can tip the balance.
            return kept(site, dtype);
        }
        return new Outcome(
                linear,
                new SiteReport(
                        site.name(),
                        linear.form(),
                        plan.rank(),
                        decomposition.relativeError(plan.rank()),
                        plan.parametersAfter(),
                        linear.bytes(),
                        decomposition.notes()),
                0);
    }

    private static long denseBytes(LinearSite site, @Nullable Tensor bias, DType dtype) {
        var biasBytes = bias == null ? 0 : (long) site.out() * dtype.bytes();
        return SitePlan.dense(site, dtype).weightBytes() + biasBytes;
    }

    private static Outcome kept(LinearSite site, DType dtype) {
        var plan = SitePlan.dense(site, dtype);
        return new Outcome(
                null,
                new SiteReport(
                        site.name(),
                        StorageForm.DENSE.id(),
                        plan.rank(),
                        0,
                        plan.parametersAfter(),
                        plan.weightBytes(),
                        List.of("kept dense: no allowed form is smaller at this budget")),
                0);
    }
}
