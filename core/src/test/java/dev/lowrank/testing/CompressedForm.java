package dev.lowrank.testing;

import dev.lowrank.compress.Compression;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.CompressionReport;
import dev.lowrank.compress.TargetStorage;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.quantize.Outliers;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.TextIdentity;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Every way in which a compressed folder stores a site.
public enum CompressedForm {
    /// Written by a run that protects all layers.
    DENSE("svd", StoragePolicy.AUTO, "dense"),
    FACTORED("svd", StoragePolicy.FACTORED, "factored"),
    PIVOTED("svd", StoragePolicy.PIVOTED, "pivoted"),
    TUCKER("tucker", StoragePolicy.TUCKER, "tucker"),
    /// Every target gains a bias if it had none.
    FACTORED_BIASED("lord", StoragePolicy.FACTORED, "factored"),
    PIVOTED_BIASED("lord", StoragePolicy.PIVOTED, "pivoted"),
    /// With single entries beside what the cut left.
    FACTORED_SPARSE("svd", StoragePolicy.FACTORED, "factored+sparse"),
    PIVOTED_SPARSE("svd", StoragePolicy.PIVOTED, "pivoted+sparse"),
    TUCKER_SPARSE("tucker", StoragePolicy.TUCKER, "tucker+sparse");

    private static final Outliers SOME = new Outliers(0.03);

    private static final long SEED = 20_240_607;

    private final String method;
    private final StoragePolicy storage;
    private final String form;

    CompressedForm(String method, StoragePolicy storage, String form) {
        this.method = method;
        this.storage = storage;
        this.form = form;
    }

    /// Its name in `config.json`.
    public String form() {
        return form;
    }

    /// Whether sites without a bias gain one.
    public boolean gainsBias() {
        return method.equals("lord");
    }

    /// Whether single entries come on top of the budget.
    public boolean hasOutliers() {
        return form.endsWith("+sparse");
    }

    /// Compresses a model into this form.
    ///
    /// @param keep share of the target linears' parameters that stays
    /// @param output the folder to make
    public CompressionReport write(LanguageModel source, double keep, Path output) {
        var layers = source.spec().blocks().size();
        var recipe = new CompressionRecipe(
                method,
                Methods.of(method, MethodOptions.DEFAULT),
                TargetStorage.plain(storage),
                Allocators.of("uniform", AllocatorOptions.DEFAULT),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep)),
                1,
                Set.of(),
                this == DENSE ? IntStream.range(0, layers).boxed().collect(Collectors.toSet()) : Set.of(),
                null,
                null,
                SEED);
        return Compression.run(
                source,
                new Compression.Job(recipe.with(hasOutliers() ? SOME : null), output),
                gainsBias() ? calibration(source, 16, 16) : null,
                Compression.Unfinished.RESUME,
                Progress.silent());
    }

    /// Compresses a model by a method as its paper spends the budget.
    ///
    /// @param keep share of the target linears' parameters that stays
    /// @param output the folder to make
    public static CompressionReport write(LanguageModel source, String method, double keep, Path output) {
        var chosen = Methods.of(method, MethodOptions.DEFAULT);
        var recipe = CompressionRecipe.of(
                chosen,
                StoragePolicy.AUTO,
                Allocators.of(chosen.allocator(), AllocatorOptions.DEFAULT),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep)),
                SEED);
        return Compression.run(
                source,
                new Compression.Job(recipe, output),
                calibration(source, 16, 16),
                Compression.Unfinished.RESUME,
                Progress.silent());
    }

    /// Windows of seeded random tokens.
    public static CalibrationSet calibration(LanguageModel source, int samples, int window) {
        var random = new SplittableRandom(SEED);
        var windows = new ArrayList<int[]>();
        for (var i = 0; i < samples; i++) {
            windows.add(random.ints(window, 0, source.spec().vocabSize()).toArray());
        }
        var text = new TextIdentity.Source("random", "0".repeat(64), (long) samples * window);
        return CalibrationSet.of(
                windows,
                new TextIdentity(List.of(text), "random tokens", window, samples, SEED, (long) samples * window));
    }
}
