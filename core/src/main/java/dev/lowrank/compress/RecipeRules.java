package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.BlockAllocator;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.WithinBound;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.Method;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.method.StreamRotation;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.tensor.DType;
import org.jspecify.annotations.Nullable;

/// Which parts of a [CompressionRecipe] go together. The order of the checks decides which of several
/// reasons a user reads.
record RecipeRules(
        String name,
        Method method,
        TargetStorage storage,
        Allocator allocator,
        Budget budget,
        int rankMultiple,
        @Nullable SequentialUpdate update,
        @Nullable DType dtype) {
    /// Refuses what does not go together.
    ///
    /// @throws IllegalArgumentException saying what to give instead, by the options of the command line
    void check() {
        checkValues();
        checkSites();
        if (!(method instanceof SiteMethod)) {
            checkWhole();
            checkWholeSpending();
            checkWholeResult();
        }
        if (storage.quantization() != null) {
            checkBlocks(storage.quantization());
        }
        if (storage.bits() != null) {
            checkChoice(storage.bits());
        }
        if (storage.outliers() != null) {
            checkOutliers();
        }
    }

    private String id() {
        return method.info().id();
    }

    private boolean needs(Statistic statistic) {
        return method.info().needs().contains(statistic);
    }

    private void checkValues() {
        if (!name.equals(id()) && !name.equals(CompressionRecipe.OWN)) {
            throw new IllegalArgumentException(
                    "A recipe is called " + CompressionRecipe.OWN + " or by its method, " + id() + ", not " + name);
        }
        if (rankMultiple < 1) {
            throw new IllegalArgumentException("--rank-multiple must be at least 1, but was " + rankMultiple);
        }
        if (dtype != null && dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
            throw new IllegalArgumentException("Models are written in F32, F16 or BF16, not " + dtype);
        }
    }

    /// Refuses what only some methods of single linears make or measure.
    private void checkSites() {
        if (storage.policy() == StoragePolicy.TUCKER && !id().equals("tucker")) {
            throw new IllegalArgumentException("--storage tucker keeps the core of --method tucker; the method " + name
                    + " has none. Use factored, pivoted or auto");
        }
        if (update != null
                && method instanceof SiteMethod
                && (!needs(Statistic.SECOND_MOMENT) || needs(Statistic.MEAN))) {
            throw new IllegalArgumentException("--update sequential fits methods whose metric is the second moment of"
                    + " the inputs (svd-llm, kfac-svd, without --centred), not " + name);
        }
    }

    /// Refuses what makes or searches decompositions of single linears where the method makes none.
    private void checkWhole() {
        if (storage.policy() != StoragePolicy.AUTO && method instanceof StreamRotation) {
            throw new IllegalArgumentException("--storage says how factors are stored; the method " + name
                    + " makes none, it leaves plain matrices. Leave --storage out");
        }
        if (allocator instanceof WithinBound) {
            throw new IllegalArgumentException("--max-perplexity-increase searches over decompositions of single"
                    + " linears; the method " + id() + " makes none. Give it a budget, such as --keep 0.8");
        }
    }

    /// Refuses what a method of blocks or modules cannot spend.
    private void checkWholeSpending() {
        var spender = allocator.info().id();
        if (method instanceof ModuleMethod && !(allocator instanceof BlockAllocator)) {
            throw new IllegalArgumentException("The method " + id() + " narrows whole blocks, which the allocator "
                    + spender + " cannot spend a budget on; use influence or uniform");
        }
        if (!(method instanceof ModuleMethod) && !allocator.isEven()) {
            throw new IllegalArgumentException("The method " + id() + " spends its budget by its own rule, not by the"
                    + " allocator " + spender + "; leave --allocate, --rank and --energy out");
        }
        if (budget instanceof Budget.Unbounded) {
            throw new IllegalArgumentException(
                    "The method " + id() + " cuts as much as a budget asks for, but was given none; give --keep");
        }
    }

    /// Refuses a choice where a method of blocks or modules leaves none.
    private void checkWholeResult() {
        if (method instanceof BlockRemoval && rankMultiple > 1) {
            throw new IllegalArgumentException(
                    "The method " + id() + " removes whole blocks and chooses no rank; leave --rank-multiple out");
        }
        var policy = storage.policy();
        var made = method instanceof SharedBasis ? StoragePolicy.FACTORED : StoragePolicy.AUTO;
        if (policy != StoragePolicy.AUTO && policy != made) {
            throw new IllegalArgumentException("The method " + id() + " leaves no choice of --storage: it makes "
                    + (method instanceof SharedBasis ? "two factors" : "plain matrices") + ", not " + policy.id()
                    + "; leave --storage out");
        }
        if (update != null) {
            throw new IllegalArgumentException(
                    "--update sequential fits linears one by one, not what " + id() + " makes");
        }
    }

    /// Refuses to quantise what is not treated linear by linear, or by a metric that nobody measures.
    private void checkBlocks(Quantization blocks) {
        if (!(method instanceof SiteMethod)) {
            throw new IllegalArgumentException("--quantize rounds the factors of single linears; the method " + id()
                    + " makes none. Write it plain and export it with --gguf");
        }
        if (!blocks.plain() && update == null) {
            throw new IllegalArgumentException("--quantize passes rounding errors on in the metric of what a site sees"
                    + " in the compressed model, which only --update sequential measures, and " + id()
                    + " runs without; give --quantize-plain, or one of lowrank, svd-llm and kfac-svd");
        }
    }

    /// Refuses to choose types where nobody measures what they lose, or spends what they save.
    private void checkChoice(Bits bits) {
        checkBlocks(bits.of(bits.types().getFirst()));
        if (!needs(Statistic.SECOND_MOMENT)) {
            throw new IllegalArgumentException("--bits weighs what types lose by the second moment of the inputs,"
                    + " which the method " + id()
                    + " does not measure; use lowrank, svd-llm, kfac-svd or lord, or one type with --quantize");
        }
        if (!allocator.choosesTypes()) {
            var own = CompressionRecipe.OWN_ALLOCATOR;
            throw new IllegalArgumentException("--bits chooses types together with ranks, which of all allocators only"
                    + " " + own + " does, by estimated divergences and without correction rounds, not "
                    + allocator.info().id() + "; use --allocate " + own + ", or one type with --quantize");
        }
        if (budget instanceof Budget.Unbounded || budget.unit() == CostUnit.PARAMETERS) {
            throw new IllegalArgumentException("--bits needs a budget in bytes: in parameters every type costs the"
                    + " same. Give --budget-bytes SIZE, or --keep SHARE with --count bytes");
        }
        if (storage.quantization() != null) {
            throw new IllegalArgumentException(
                    "--quantize stores every target in one type, --bits chooses one for each; give one of them");
        }
    }

    /// Refuses outliers of what is not treated linear by linear, and where a bias makes up for what they
    /// are.
    private void checkOutliers() {
        if (!(method instanceof SiteMethod)) {
            throw new IllegalArgumentException("--outliers stand beside the factors of single linears; the method "
                    + id() + " makes none. Leave --outliers out");
        }
        if (needs(Statistic.MEAN)) {
            throw new IllegalArgumentException("--outliers change the mean output that the bias of " + id()
                    + " gives back; give --uncentred with lord, and leave --centred out with others");
        }
    }
}
