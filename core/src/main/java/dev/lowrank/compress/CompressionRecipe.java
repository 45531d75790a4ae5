package dev.lowrank.compress;

import dev.lowrank.compress.allocate.AllocationProblem;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.BlockAllocator;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.allocate.TrialLoss;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.Method;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a run is asked to do; together with the source and the calibration set it decides every byte of the
/// output.
///
/// @param method how sites are decomposed
/// @param storage which storage forms may be used
/// @param allocator how ranks are chosen
/// @param budget what the target linears may cost together
/// @param rankMultiple ranks are rounded down to a multiple of this; 1 for none
/// @param targets roles that are compressed; empty for all
/// @param protectedLayers blocks that stay dense
/// @param update how sites are fitted to what they see in the compressed model; null for not at all
/// @param dtype element type of what is written; null for the source's own (BF16 where that is quantised)
/// @param seed decides everything random besides the calibration set
public record CompressionRecipe(
        Method method,
        StoragePolicy storage,
        Allocator allocator,
        Budget budget,
        int rankMultiple,
        Set<Role> targets,
        Set<Integer> protectedLayers,
        @Nullable SequentialUpdate update,
        @Nullable DType dtype,
        long seed) {
    public CompressionRecipe {
        if (rankMultiple < 1) {
            throw new IllegalArgumentException("--rank-multiple must be at least 1, but was " + rankMultiple);
        }
        if (dtype != null && dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
            throw new IllegalArgumentException("Models are written in F32, F16 or BF16, not " + dtype);
        }
        if (storage == StoragePolicy.TUCKER && !method.info().id().equals("tucker")) {
            throw new IllegalArgumentException("--storage tucker keeps the core of --method tucker; the method "
                    + method.info().id() + " has none. Use factored, pivoted or auto");
        }
        if (update != null
                && method instanceof SiteMethod
                && (!method.info().needs().contains(Statistic.SECOND_MOMENT)
                        || method.info().needs().contains(Statistic.MEAN))) {
            throw new IllegalArgumentException("--update sequential fits methods whose metric is the second moment of"
                    + " the inputs (svd-llm, kfac-svd, without --centred), not "
                    + method.info().id());
        }
        require(method, allocator, update);
        targets = Set.copyOf(targets);
        protectedLayers = Set.copyOf(protectedLayers);
    }

    /// Refuses what a method of blocks or modules cannot be combined with.
    private static void require(Method method, Allocator allocator, @Nullable SequentialUpdate update) {
        if (method instanceof SiteMethod) {
            return;
        }
        var id = method.info().id();
        var spender = allocator.info().id();
        if (method instanceof ModuleMethod && !(allocator instanceof BlockAllocator)) {
            throw new IllegalArgumentException("The method " + id + " narrows whole blocks, which the allocator "
                    + spender + " cannot spend a budget on; use influence or uniform");
        }
        if (!(method instanceof ModuleMethod) && !spender.equals("uniform")) {
            throw new IllegalArgumentException("The method " + id + " spends its budget by its own rule, not by the"
                    + " allocator " + spender + "; leave --allocate, --rank and --energy out");
        }
        if (update != null) {
            throw new IllegalArgumentException(
                    "--update sequential fits linears one by one, not what " + id + " makes");
        }
    }

    /// A recipe with nothing special: all targets, no protected layer, the source's dtype.
    public static CompressionRecipe of(
            Method method, StoragePolicy storage, Allocator allocator, Budget budget, long seed) {
        return new CompressionRecipe(method, storage, allocator, budget, 1, Set.of(), Set.of(), null, null, seed);
    }

    /// Our own recipe, what loses least: the K-FAC metric, ranks by knapsack over estimated divergences,
    /// each site fitted to what it sees in the compressed model. All targets, the source's dtype.
    public static CompressionRecipe best(Budget budget, long seed) {
        return new CompressionRecipe(
                Methods.of("kfac-svd", MethodOptions.DEFAULT),
                StoragePolicy.AUTO,
                Allocators.of("knapsack", AllocatorOptions.DEFAULT),
                budget,
                1,
                Set.of(),
                Set.of(),
                SequentialUpdate.DEFAULT,
                null,
                seed);
    }

    /// Whether ranks, widths and blocks are known before anything is measured.
    public boolean ranksKnownAhead() {
        return switch (method) {
            case SiteMethod _, SharedBasis _ -> allocator.info().needs().isEmpty();
            case ModuleMethod _ -> allocator instanceof BlockAllocator spread && !spread.needsInfluence();
            case BlockRemoval _ -> false;
        };
    }

    /// Its method, which must treat every linear by itself.
    SiteMethod siteMethod() {
        if (method instanceof SiteMethod site) {
            return site;
        }
        throw new IllegalStateException(method.info().id() + " does not treat every linear by itself");
    }

    /// What spends the budget: the allocator, or the method where it does so itself.
    public String spender() {
        return method instanceof BlockRemoval
                ? method.info().id()
                : allocator.info().id();
    }

    /// What decides how sites are stored: the policy, or the form where the method leaves no choice.
    public String storageId() {
        return switch (method) {
            case SiteMethod _ -> storage.id();
            case SharedBasis _ -> StorageForm.FACTORED.id();
            case ModuleMethod _, BlockRemoval _ -> StorageForm.DENSE.id();
        };
    }

    /// Whether a calibration text decides what is written.
    public boolean needsCalibration() {
        return method.info().needsCalibration()
                || method instanceof SiteMethod
                        && !Evidences.labels(allocator.info().needs()).isEmpty();
    }

    /// Whether a validation text decides what is written if there is one.
    boolean usesValidation() {
        return needsValidation() || method.info().needs().contains(Statistic.LOSS);
    }

    /// Whether a validation text decides what is written.
    public boolean needsValidation() {
        return allocator.info().needs().contains(Sensitivity.TRIAL_LOSS);
    }

    /// What the allocator has to solve.
    ///
    /// @param evidence of every target
    /// @param trial measures candidates; null where nobody can
    AllocationProblem problem(List<Evidence> evidence, @Nullable TrialLoss trial) {
        return new AllocationProblem(
                evidence,
                storage,
                budget,
                rankMultiple,
                1,
                seed,
                trial,
                siteMethod().restoresMean());
    }
}
