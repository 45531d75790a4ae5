package dev.lowrank.compress;

import dev.lowrank.compress.allocate.AllocationProblem;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.BlockAllocator;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.allocate.TrialLoss;
import dev.lowrank.compress.allocate.WithinBound;
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
/// @param storage which storage forms may be used
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
/// @param quantization the blocks that all targets are stored in; null for plain numbers
/// @param bits types that the allocator chooses from for every target; null where all are stored alike
/// @param outliers single entries that stay plain beside what a target is stored in; null for none
public record CompressionRecipe(
        String name,
        Method method,
        StoragePolicy storage,
        Allocator allocator,
        Budget budget,
        int rankMultiple,
        Set<Role> targets,
        Set<Integer> protectedLayers,
        @Nullable SequentialUpdate update,
        @Nullable DType dtype,
        long seed,
        @Nullable Quantization quantization,
        @Nullable Bits bits,
        @Nullable Outliers outliers) {
    /// Name of our own recipe.
    public static final String OWN = "lowrank";

    private static final String OWN_METRIC = "kfac-svd";
    private static final String OWN_ALLOCATOR = "knapsack";

    public CompressionRecipe {
        if (!name.equals(method.info().id()) && !name.equals(OWN)) {
            throw new IllegalArgumentException("A recipe is called " + OWN + " or by its method, "
                    + method.info().id() + ", not " + name);
        }
        if (rankMultiple < 1) {
            throw new IllegalArgumentException("--rank-multiple must be at least 1, but was " + rankMultiple);
        }
        if (dtype != null && dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
            throw new IllegalArgumentException("Models are written in F32, F16 or BF16, not " + dtype);
        }
        if (storage == StoragePolicy.TUCKER && !method.info().id().equals("tucker")) {
            throw new IllegalArgumentException("--storage tucker keeps the core of --method tucker; the method " + name
                    + " has none. Use factored, pivoted or auto");
        }
        if (update != null
                && method instanceof SiteMethod
                && (!method.info().needs().contains(Statistic.SECOND_MOMENT)
                        || method.info().needs().contains(Statistic.MEAN))) {
            throw new IllegalArgumentException("--update sequential fits methods whose metric is the second moment of"
                    + " the inputs (svd-llm, kfac-svd, without --centred), not " + name);
        }
        if (storage != StoragePolicy.AUTO && method instanceof StreamRotation) {
            throw new IllegalArgumentException("--storage says how factors are stored; the method " + name
                    + " makes none, it leaves plain matrices. Leave --storage out");
        }
        require(method, storage, allocator, budget, rankMultiple, update);
        if (quantization != null) {
            require(quantization, method, update);
        }
        if (bits != null) {
            require(bits, method, allocator, budget, update);
            if (quantization != null) {
                throw new IllegalArgumentException("--quantize stores every target in one type, --bits chooses one for"
                        + " each; give one of them");
            }
        }
        if (outliers != null) {
            requireOutliers(method);
        }
        targets = Set.copyOf(targets);
        protectedLayers = Set.copyOf(protectedLayers);
    }

    /// Refuses to choose types where nobody measures what they lose, or spends what they save.
    private static void require(
            Bits bits, Method method, Allocator allocator, Budget budget, @Nullable SequentialUpdate update) {
        require(bits.of(bits.types().getFirst()), method, update);
        if (!method.info().needs().contains(Statistic.SECOND_MOMENT)) {
            throw new IllegalArgumentException("--bits weighs what types lose by the second moment of the inputs,"
                    + " which the method " + method.info().id()
                    + " does not measure; use lowrank, svd-llm, kfac-svd or lord, or one type with --quantize");
        }
        if (!allocator.choosesTypes()) {
            throw new IllegalArgumentException("--bits chooses types together with ranks, which of all allocators only"
                    + " " + OWN_ALLOCATOR + " does, by estimated divergences and without correction rounds, not "
                    + allocator.info().id() + "; use --allocate " + OWN_ALLOCATOR + ", or one type with --quantize");
        }
        if (budget instanceof Budget.Unbounded || budget.unit() == CostUnit.PARAMETERS) {
            throw new IllegalArgumentException("--bits needs a budget in bytes: in parameters every type costs the"
                    + " same. Give --budget-bytes SIZE, or --keep SHARE with --count bytes");
        }
    }

    /// Refuses to quantise what is not treated linear by linear, or by a metric that nobody measures.
    private static void require(Quantization quantization, Method method, @Nullable SequentialUpdate update) {
        var id = method.info().id();
        if (!(method instanceof SiteMethod)) {
            throw new IllegalArgumentException("--quantize rounds the factors of single linears; the method " + id
                    + " makes none. Write it plain and export it with --gguf");
        }
        if (!quantization.plain() && update == null) {
            throw new IllegalArgumentException("--quantize passes rounding errors on in the metric of what a site sees"
                    + " in the compressed model, which only --update sequential measures, and " + id
                    + " runs without; give --quantize-plain, or one of lowrank, svd-llm and kfac-svd");
        }
    }

    /// Refuses outliers of what is not treated linear by linear, and where a bias makes up for what they
    /// are.
    private static void requireOutliers(Method method) {
        var info = method.info();
        if (!(method instanceof SiteMethod)) {
            throw new IllegalArgumentException("--outliers stand beside the factors of single linears; the method "
                    + info.id() + " makes none. Leave --outliers out");
        }
        if (info.needs().contains(Statistic.MEAN)) {
            throw new IllegalArgumentException("--outliers change the mean output that the bias of " + info.id()
                    + " gives back; give --uncentred with lord, and leave --centred out with others");
        }
    }

    /// Refuses what a method of blocks or modules cannot be combined with.
    private static void require(
            Method method,
            StoragePolicy storage,
            Allocator allocator,
            Budget budget,
            int rankMultiple,
            @Nullable SequentialUpdate update) {
        if (method instanceof SiteMethod) {
            return;
        }
        var id = method.info().id();
        var spender = allocator.info().id();
        if (allocator instanceof WithinBound) {
            throw new IllegalArgumentException("--max-perplexity-increase searches over decompositions of single"
                    + " linears; the method " + id + " makes none. Give it a budget, such as --keep 0.8");
        }
        if (method instanceof ModuleMethod && !(allocator instanceof BlockAllocator)) {
            throw new IllegalArgumentException("The method " + id + " narrows whole blocks, which the allocator "
                    + spender + " cannot spend a budget on; use influence or uniform");
        }
        if (!(method instanceof ModuleMethod) && !allocator.isEven()) {
            throw new IllegalArgumentException("The method " + id + " spends its budget by its own rule, not by the"
                    + " allocator " + spender + "; leave --allocate, --rank and --energy out");
        }
        if (budget instanceof Budget.Unbounded) {
            throw new IllegalArgumentException(
                    "The method " + id + " cuts as much as a budget asks for, but was given none; give --keep");
        }
        if (method instanceof BlockRemoval && rankMultiple > 1) {
            throw new IllegalArgumentException(
                    "The method " + id + " removes whole blocks and chooses no rank; leave --rank-multiple out");
        }
        var made = method instanceof SharedBasis ? StoragePolicy.FACTORED : StoragePolicy.AUTO;
        if (storage != StoragePolicy.AUTO && storage != made) {
            throw new IllegalArgumentException("The method " + id + " leaves no choice of --storage: it makes "
                    + (method instanceof SharedBasis ? "two factors" : "plain matrices") + ", not " + storage.id()
                    + "; leave --storage out");
        }
        if (update != null) {
            throw new IllegalArgumentException(
                    "--update sequential fits linears one by one, not what " + id + " makes");
        }
    }

    /// A recipe whose result is stored in plain numbers.
    public CompressionRecipe(
            String name,
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
        this(
                name,
                method,
                storage,
                allocator,
                budget,
                rankMultiple,
                targets,
                protectedLayers,
                update,
                dtype,
                seed,
                null,
                null,
                null);
    }

    /// A recipe that is called by its method.
    public CompressionRecipe(
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
        this(
                method.info().id(),
                method,
                storage,
                allocator,
                budget,
                rankMultiple,
                targets,
                protectedLayers,
                update,
                dtype,
                seed);
    }

    /// A recipe with nothing special: all targets, no protected layer, the source's dtype.
    public static CompressionRecipe of(
            Method method, StoragePolicy storage, Allocator allocator, Budget budget, long seed) {
        return new CompressionRecipe(method, storage, allocator, budget, 1, Set.of(), Set.of(), null, null, seed);
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
                StoragePolicy.AUTO,
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
        return copy(allocator, other, rankMultiple, quantization, bits, outliers);
    }

    /// The same with another allocator that spends another budget.
    CompressionRecipe withAllocator(Allocator other, Budget spent) {
        return copy(other, spent, rankMultiple, quantization, bits, outliers);
    }

    /// The same stored in blocks.
    ///
    /// @param blocks null for plain numbers
    /// @param multiple what ranks are multiples of, so that they are whole blocks
    public CompressionRecipe quantized(@Nullable Quantization blocks, int multiple) {
        return copy(allocator, budget, multiple, blocks, null, outliers);
    }

    /// The same with a type chosen for every target.
    ///
    /// @param choice null for plain numbers
    public CompressionRecipe choosing(@Nullable Bits choice) {
        return copy(allocator, budget, rankMultiple, null, choice, outliers);
    }

    /// The same with outliers.
    ///
    /// @param beside null for none
    public CompressionRecipe with(@Nullable Outliers beside) {
        return copy(allocator, budget, rankMultiple, quantization, bits, beside);
    }

    private CompressionRecipe copy(
            Allocator by,
            Budget spent,
            int multiple,
            @Nullable Quantization blocks,
            @Nullable Bits choice,
            @Nullable Outliers beside) {
        return new CompressionRecipe(
                name,
                method,
                storage,
                by,
                spent,
                multiple,
                targets,
                protectedLayers,
                update,
                dtype,
                seed,
                blocks,
                choice,
                beside);
    }

    /// Whether targets may be stored in blocks.
    boolean rounds() {
        return quantization != null || bits != null;
    }

    /// How a target is rounded to blocks; null for not at all.
    @Nullable
    Quantization blocks(Choice choice) {
        if (bits == null) {
            return quantization;
        }
        var type = choice.type();
        return type == null ? null : bits.of(type);
    }

    /// Whether the budget leaves every target whole, so that nothing need be measured to spend it.
    boolean keepsAll() {
        return method instanceof SiteMethod
                && bits == null
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
            case SiteMethod _ -> allocator.info().needs().isEmpty() || quantization != null && keepsAll();
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
            case SiteMethod _ -> storage.id();
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
                storage,
                budget,
                rankMultiple,
                1,
                seed,
                trial,
                siteMethod().restoresMean(),
                bits);
    }
}
