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
import dev.lowrank.compress.method.StreamRotation;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Outliers;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What a run is asked to do; together with the source and the calibration set it decides every byte of the
/// output.
///
/// @param name what it is called in tables, reports and the manifest; [#OWN] or the method's id
/// @param method how sites are decomposed
/// @param storage how targets are stored
/// @param allocator how ranks are chosen
/// @param budget what the target linears may cost together
/// @param rankMultiple ranks, and what modules are narrowed to, are multiples of this: of what a rule asks
///     for the next one below, or above where the rule is a bound from below (WeLore, ZS-SVD, energy); 1
///     for none
/// @param targets roles that are compressed; empty for all
/// @param protectedLayers blocks that stay dense
/// @param update how sites are fitted to what they see in the compressed model; null for not at all
/// @param dtype element type of what is written; null for the source's own (BF16 where that is quantised)
/// @param seed decides everything random besides the calibration set
public record CompressionRecipe(
        String name,
        Method method,
        TargetStorage storage,
        Allocator allocator,
        Budget budget,
        int rankMultiple,
        Set<Role> targets,
        Set<Integer> protectedLayers,
        @Nullable SequentialUpdate update,
        @Nullable DType dtype,
        long seed) {
    /// Name of our own recipe.
    public static final String OWN = "lowrank";

    /// The allocator of our own recipe, and the only one that chooses types.
    static final String OWN_ALLOCATOR = "knapsack";

    private static final String OWN_METRIC = "kfac-svd";

    /// Takes what goes together.
    ///
    /// @throws IllegalArgumentException for parts that do not, saying what to give instead
    public CompressionRecipe {
        new RecipeRules(name, method, storage, allocator, budget, rankMultiple, update, dtype).check();
        targets = Set.copyOf(targets);
        protectedLayers = Set.copyOf(protectedLayers);
    }

    /// A recipe with nothing special: called by its method, all targets in plain numbers, no protected
    /// layer, the source's dtype.
    public static CompressionRecipe of(
            Method method, StoragePolicy storage, Allocator allocator, Budget budget, long seed) {
        return new CompressionRecipe(
                method.info().id(),
                method,
                TargetStorage.plain(storage),
                allocator,
                budget,
                1,
                Set.of(),
                Set.of(),
                null,
                null,
                seed);
    }

    /// Our own recipe, what loses least: the K-FAC metric, ranks by knapsack over estimated divergences,
    /// each site fitted to what it sees in the compressed model. All targets, the source's dtype.
    public static CompressionRecipe best(Budget budget, long seed) {
        return named(OWN, MethodOptions.DEFAULT, budget, seed);
    }

    /// The recipe that a name stands for: our own, or a published method as published, with the allocator
    /// of its paper and no update. All targets, the source's dtype, the best allowed form.
    ///
    /// @param name one of [#names]
    /// @param options of the method
    /// @throws IllegalArgumentException naming the known methods
    public static CompressionRecipe named(String name, MethodOptions options, Budget budget, long seed) {
        var own = name.equals(OWN);
        var method = Methods.of(own ? OWN_METRIC : name, options);
        return new CompressionRecipe(
                name,
                method,
                TargetStorage.plain(StoragePolicy.AUTO),
                Allocators.of(own ? OWN_ALLOCATOR : method.allocator(), AllocatorOptions.DEFAULT),
                budget,
                1,
                Set.of(),
                Set.of(),
                own ? SequentialUpdate.DEFAULT : null,
                null,
                seed);
    }

    /// Names that [#named] knows, our own first.
    public static List<String> names() {
        return Stream.concat(Stream.of(OWN), Methods.ids().stream()).toList();
    }

    /// The same with another budget.
    public CompressionRecipe withBudget(Budget other) {
        return withAllocator(allocator, other);
    }

    /// The same with another allocator that spends another budget.
    public CompressionRecipe withAllocator(Allocator other, Budget spent) {
        return copy(storage, other, spent, rankMultiple);
    }

    /// The same with targets stored in another way.
    public CompressionRecipe withStorage(TargetStorage other) {
        return copy(other, allocator, budget, rankMultiple);
    }

    /// The same stored in blocks.
    ///
    /// @param blocks null for plain numbers
    /// @param multiple what ranks are multiples of, so that they are whole blocks
    public CompressionRecipe quantized(@Nullable Quantization blocks, int multiple) {
        return copy(storage.with(blocks), allocator, budget, multiple);
    }

    /// The same with a type chosen for every target.
    ///
    /// @param choice null for plain numbers
    public CompressionRecipe choosing(@Nullable Bits choice) {
        return withStorage(storage.with(choice));
    }

    /// The same with outliers.
    ///
    /// @param beside null for none
    public CompressionRecipe with(@Nullable Outliers beside) {
        return withStorage(storage.with(beside));
    }

    private CompressionRecipe copy(TargetStorage stored, Allocator by, Budget spent, int multiple) {
        return new CompressionRecipe(
                name, method, stored, by, spent, multiple, targets, protectedLayers, update, dtype, seed);
    }

    /// Whether the budget leaves every target whole, so that nothing need be measured to spend it.
    boolean keepsAll() {
        return method instanceof SiteMethod
                && storage.bits() == null
                && budget instanceof Budget.Share share
                && share.keep().kept() == 1;
    }

    /// How sites are fitted to the compressed model, in a word.
    public String updateId() {
        return update == null ? "none" : "sequential";
    }

    /// Whether ranks, widths and blocks are known before anything is measured.
    public boolean ranksKnownAhead() {
        return switch (method) {
            case SiteMethod _ -> allocator.info().needs().isEmpty() || storage.quantization() != null && keepsAll();
            case SharedBasis _ -> allocator.info().needs().isEmpty();
            case ModuleMethod _ -> allocator instanceof BlockAllocator spread && !spread.needsInfluence();
            case BlockRemoval _ -> false;
            case StreamRotation _ -> true;
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
        return leavesPlainModel() ? method.info().id() : allocator.info().id();
    }

    /// Whether what comes out is an ordinary model of its architecture, which any tool opens.
    boolean leavesPlainModel() {
        return method instanceof BlockRemoval || method instanceof StreamRotation;
    }

    /// What decides how sites are stored: the policy, or the form where the method leaves no choice.
    public String storageId() {
        return switch (method) {
            case SiteMethod _ -> storage.policy().id();
            case SharedBasis _ -> StorageForm.FACTORED.id();
            case ModuleMethod _, BlockRemoval _, StreamRotation _ -> StorageForm.DENSE.id();
        };
    }

    /// Whether a calibration text decides what is written.
    public boolean needsCalibration() {
        return method.info().needsCalibration()
                || method instanceof SiteMethod
                        && (allocator.info().needs().contains(Sensitivity.BLOCK_INFLUENCE)
                                || !Evidences.labels(allocator.info().needs()).isEmpty());
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
                storage.policy(),
                budget,
                rankMultiple,
                1,
                seed,
                trial,
                siteMethod().restoresMean(),
                storage.bits());
    }
}
