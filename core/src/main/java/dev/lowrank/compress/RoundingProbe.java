package dev.lowrank.compress;

import dev.lowrank.compress.allocate.RoundingLoss;
import dev.lowrank.compress.allocate.RoundingLoss.Curve;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.quantize.RoundingMetric;
import dev.lowrank.compress.quantize.SiteRounding;
import dev.lowrank.compress.statistics.SecondMoment;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Linear;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Measures what rounding to each of several types loses at a site, before ranks are chosen.
///
/// The whole matrix and, at some ranks, its factors are rounded as they would be written, and what that
/// loses is weighed by the second moment of the inputs. The loss that is left when the same parts are
/// fitted but not rounded is the cut's and is taken off. The error of the whole matrix in the coarsest type
/// is kept: a gradient pass measures what it does to the predictions ([RoundingFiles]), which turns all
/// these losses into nats. So one number for each site is measured in nats, and the ratios to it in the
/// metric of the inputs.
///
/// @param bits types to measure
/// @param storage forms that factors may have; each rank is measured in the smallest
/// @param dtype element type asked for, which decides what rows that fit no blocks are stored in; null for
///     the source's
record RoundingProbe(
        Bits bits, StoragePolicy storage, @Nullable DType dtype) {
    /// Ranks that are measured, as parts of all components.
    private static final int PARTS = 4;

    /// What a recipe needs; null if it chooses no types.
    static @Nullable RoundingProbe of(CompressionRecipe recipe) {
        var storage = recipe.storage();
        return storage.bits() == null ? null : new RoundingProbe(storage.bits(), storage.policy(), recipe.dtype());
    }

    /// What was found at a site.
    ///
    /// @param error of the whole matrix in the coarsest type, F64 `[out, in]`
    /// @param losses in units of what that error costs
    record Probed(Tensor error, RoundingLoss losses) {}

    /// Measures a site, in the innermost scope.
    ///
    /// @param statistics with the second moment of the inputs
    /// @param plain element type that the site would be written in
    Probed measure(
            SiteCutter original,
            SiteMethod method,
            Decomposition decomposition,
            SiteStatistics statistics,
            DType plain) {
        var metric = metric(original, method.inputShrinkage(), statistics);
        var name = original.site().name();
        var whole = SiteWriter.dense(original.weight(), null, DType.F64, Arena.ofAuto(), name);
        var losses = new EnumMap<DType, Curve>(DType.class);
        for (var type : bits.types()) {
            var rounding = new SiteRounding(bits.of(type), plain, Arena.ofAuto());
            var dense = lost(whole, original, metric, rounding);
            var ranks = ranks(original, type, decomposition.components());
            var cut = IntStream.of(ranks)
                    .mapToDouble(rank -> TensorScope.tidy(
                            () -> lost(cut(original, method, decomposition, rank, type), original, metric, rounding)))
                    .toArray();
            losses.put(type, new Curve(dense, ranks, cut));
        }
        var coarsest = new SiteRounding(bits.of(bits.types().getFirst()), plain, Arena.ofAuto());
        var rounded = coarsest.round(whole, original.weight(), metric, name);
        var error = original.weight().sub(MergedExport.matrix(rounded.linear()));
        var unit = rounded.report().joint();
        return new Probed(error, new RoundingLoss(losses).times(unit > 0 ? 1 / unit : 0));
    }

    private static RoundingMetric metric(SiteCutter original, Shrinkage shrinkage, SiteStatistics statistics) {
        if (!(statistics.requireMoment() instanceof SecondMoment.Input inputs)) {
            throw new IllegalStateException(original.site().name() + " was measured at its outputs");
        }
        var shrunk = shrinkage.apply(inputs, original.weight(), statistics.tokens());
        return RoundingMetric.of(
                shrunk.moment().sum(), "inputs of " + original.site().name());
    }

    private Linear.Base cut(SiteCutter original, SiteMethod method, Decomposition decomposition, int rank, DType type) {
        var site = original.site();
        var form = storage.smallest(site.out(), site.in(), rank, type).orElseThrow();
        return original.write(method, decomposition, rank, form, DType.F64, Arena.ofAuto());
    }

    /// What rounding costs beside the cut.
    private static double lost(Linear.Base exact, SiteCutter original, RoundingMetric metric, SiteRounding rounding) {
        var name = original.site().name();
        var report = rounding.round(exact, original.weight(), metric, name).report();
        var cut = report.feedback() ? SiteRounding.fittedCost(exact, original.weight(), metric, name) : report.cut();
        return Math.max(0, report.joint() - cut);
    }

    /// Ranks that make whole blocks, evenly spread over those at which a cut saves anything.
    private int[] ranks(SiteCutter original, DType type, int components) {
        var site = original.site();
        var multiple = Quantization.rankMultiple(type);
        return IntStream.range(1, PARTS)
                .map(part -> Math.max(multiple, (components * part / PARTS + multiple / 2) / multiple * multiple))
                .distinct()
                .filter(rank -> rank <= components)
                .filter(rank ->
                        storage.smallest(site.out(), site.in(), rank, type).isPresent())
                .toArray();
    }
}
