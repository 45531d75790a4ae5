package dev.lowrank.compress;

import dev.lowrank.compress.allocate.BlockAllocator;
import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.SharedBasis;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.method.StreamRotation;
import dev.lowrank.compress.statistics.Statistic;
import java.util.ArrayList;
import java.util.List;

/// How many of the calibration windows each part of a run sees. That follows from the recipe and the number
/// of windows alone, whatever else runs beside it; it is part of the fingerprint, and the report tells it.
///
/// What writes weights sees every window: the sequential update, or the decompositions themselves where
/// there is none. What only judges sees enough to judge by, however many windows there are.
///
/// The windows that judge decompositions are others than those that made the gradient metric, since on
/// these a decomposition looks too good. With a sequential update the decompositions that are judged come
/// from the metric's windows too. Without one they are what is written, and come from all windows, those
/// that judge among them: their curves are somewhat too low, for every site alike.
///
/// @param given windows of the calibration set; 0 where the recipe needs none
/// @param metric the first of them, whose gradients make metrics
/// @param curves those behind the metric's, whose gradients judge decompositions
/// @param decomposition the first of them, whose activations make decompositions, narrowed modules and
///     shared bases
/// @param update the first of them, which run through the whole and the compressed model
/// @param influence the first of them, of which influences of blocks are taken
/// @param removal the first of them, which losses without a block are measured on; validation windows
///     stand in for them where there are any
public record CalibrationShares(
        int given, int metric, int curves, int decomposition, int update, int influence, int removal) {
    /// Most windows whose gradients make metrics: more lower the noise, at the same time each.
    private static final int METRIC = 32;

    /// Most windows whose gradients judge decompositions.
    private static final int CURVES = 16;

    /// Most windows that influences of blocks are taken of where they only spread a budget.
    private static final int INFLUENCE = 16;

    /// Most windows that losses are measured on; every block is tried on them in every round.
    static final int REMOVAL = 8;

    /// What a recipe sees.
    ///
    /// @param samples windows of the calibration set
    static CalibrationShares of(CompressionRecipe recipe, int samples) {
        if (!recipe.needsCalibration() || samples == 0) {
            return new CalibrationShares(0, 0, 0, 0, 0, 0, 0);
        }
        var needs = recipe.method().info().needs();
        return switch (recipe.method()) {
            case SiteMethod _ -> bySite(recipe, samples);
            case ModuleMethod _ -> {
                var asks = recipe.allocator() instanceof BlockAllocator spread && spread.needsInfluence();
                yield new CalibrationShares(samples, 0, 0, samples, 0, asks ? Math.min(INFLUENCE, samples) : 0, 0);
            }
            case SharedBasis _, StreamRotation _ -> new CalibrationShares(samples, 0, 0, samples, 0, 0, 0);
            case BlockRemoval _ -> {
                var influence = needs.contains(Statistic.RESIDUAL) ? samples : 0;
                var removal = needs.contains(Statistic.LOSS) ? Math.min(REMOVAL, samples) : 0;
                yield new CalibrationShares(samples, 0, 0, 0, 0, influence, removal);
            }
        };
    }

    private static CalibrationShares bySite(CompressionRecipe recipe, int samples) {
        var needs = recipe.method().info().needs();
        var asked = recipe.allocator().info().needs();
        var half = behind(samples);
        var update = recipe.update();
        return new CalibrationShares(
                samples,
                needs.contains(Statistic.OUTPUT_GRADIENT) ? half : 0,
                Evidences.labels(asked).isEmpty() ? 0 : Math.clamp(samples - half, 1, CURVES),
                decomposition(recipe, samples, half),
                update == null ? 0 : Math.min(update.windows(), samples),
                asked.contains(Sensitivity.BLOCK_INFLUENCE) ? Math.min(INFLUENCE, samples) : 0,
                0);
    }

    private static int decomposition(CompressionRecipe recipe, int samples, int half) {
        if (!recipe.method().info().needsCalibration()) {
            return 0;
        }
        if (recipe.update() == null) {
            return samples;
        }
        return recipe.ranksKnownAhead() ? 0 : half; // an update decomposes anew
    }

    /// Where the windows that judge decompositions begin.
    private static int behind(int samples) {
        return Math.clamp(samples / 2, 1, METRIC);
    }

    /// The windows that make metrics.
    List<int[]> ofMetric(List<int[]> windows) {
        return windows.subList(0, metric);
    }

    /// The windows that judge decompositions; of a single one, that.
    List<int[]> ofCurves(List<int[]> windows) {
        var first = Math.min(behind(given), given - 1);
        return windows.subList(first, first + curves);
    }

    /// The most windows that one part of what is written comes from.
    int most() {
        return Math.max(Math.max(decomposition, update), Math.max(influence, removal));
    }

    /// The windows that a site's metric on its inputs comes from in what is written.
    int whitening() {
        return update > 0 ? update : decomposition;
    }

    /// The same for people; empty where nothing is seen.
    public String words() {
        var parts = new ArrayList<String>();
        part(parts, "gradient metric", metric);
        part(parts, "decompositions", decomposition);
        part(parts, "judging them", curves);
        part(parts, "sequential update", update);
        part(parts, "influence of blocks", influence);
        part(parts, "removal of blocks", removal);
        return parts.isEmpty() ? "" : "calibration windows: " + given + " given; " + String.join(", ", parts);
    }

    private static void part(List<String> parts, String name, int windows) {
        if (windows > 0) {
            parts.add(name + " " + windows);
        }
    }
}
