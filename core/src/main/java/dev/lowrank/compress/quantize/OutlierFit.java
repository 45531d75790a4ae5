package dev.lowrank.compress.quantize;

import dev.lowrank.model.Linear;
import dev.lowrank.model.SparseRows;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Splits a weight into a form and single entries beside it, `W ≈ base + S`.
///
/// The weight is stored in its form, the entries that would save most are taken out, the rest of the weight
/// is stored again, and the entries are fitted to what that leaves; the better of the two splits is kept,
/// so that outliers never lose. Of a dense weight in blocks the entries are those that their blocks suffer
/// from; the rounding then passes on no error of theirs, because they have none.
///
/// Sources: SpQR, arXiv:2306.03078, for a weight in blocks; OATS, arXiv:2409.13652, for a cut one.
/// Deviations from SpQR: scales are those of the block type and not quantised again, a share decides how
/// many outliers there are and not a threshold, and of a factor pair the product has outliers, not each
/// factor. From OATS: one alternation in place of 80, the metric is the whole second moment of the inputs
/// and not its diagonal, and entries are chosen over the whole matrix, not by row.
///
/// @param outliers how many
/// @param plain element type of their values
/// @param arena owner of what is stored; shared between threads
public record OutlierFit(Outliers outliers, DType plain, Arena arena) {
    /// Stores a weight in a form.
    public interface Storing {
        /// @param weight F64 `[out, in]`
        /// @param spared entries, row by row, whose value is of no matter; null for none
        Stored of(Tensor weight, @Nullable BitSet spared);
    }

    /// A weight in a form.
    ///
    /// @param rounding what rounding to blocks came to; null for plain numbers
    public record Stored(Linear.Base linear, @Nullable RoundingReport rounding) {}

    /// A weight in a form with entries beside it.
    public record Split(Linear.SparsePlusLowRank linear, RoundingReport report) {}

    /// Splits a weight.
    ///
    /// @param weight F64 `[out, in]`, what the site should compute
    /// @param metric of its inputs; null where they were not measured: every error then costs its square
    /// @param again whether `storing` can store another weight than this
    /// @param subject names it in errors
    public Split split(Tensor weight, @Nullable RoundingMetric metric, Storing storing, boolean again, String subject) {
        try (var _ = TensorScope.open()) {
            var fit = new EntryFit(metric == null ? null : metric.moment());
            var first = beside(weight, storing.of(weight, null), null, fit, metric, subject);
            var best = first;
            if (again) {
                var second = again(weight, first, storing, fit, metric, subject);
                best = second.joint <= first.joint ? second : first;
            }
            return new Split(best.linear, report(weight, first, best, metric));
        }
    }

    private record Candidate(Stored stored, Linear.SparsePlusLowRank linear, double joint) {}

    /// The weight without its entries, stored again.
    private Candidate again(
            Tensor weight,
            Candidate first,
            Storing storing,
            EntryFit fit,
            @Nullable RoundingMetric metric,
            String subject) {
        if (first.stored.linear() instanceof Linear.Dense(var blocks, var _)
                && blocks.dtype().isBlocks()) {
            var passed =
                    first.stored.rounding() != null && first.stored.rounding().feedback();
            var costs =
                    metric == null ? ones(weight.size(1)) : metric.costs(passed).toDoubles();
            var numbers = weight.contiguous().toDoubles();
            var savings = new BlockOutliers(blocks.dtype(), outliers.share(), costs).savings(numbers);
            var places = EntryFit.largest(savings, first.linear.sparse().count());
            var spared = new BitSet(numbers.length);
            for (var place : places) {
                numbers[(int) place] = 0;
                spared.set((int) place);
            }
            var rest = Tensors.ofDoubles(numbers, weight.size(0), weight.size(1));
            return beside(weight, storing.of(rest, spared), places, fit, metric, subject);
        }
        var rest = weight.sub(first.linear.sparse().matrix());
        return beside(weight, storing.of(rest, null), null, fit, metric, subject);
    }

    private static double[] ones(long count) {
        var ones = new double[(int) count];
        Arrays.fill(ones, 1);
        return ones;
    }

    /// @param places of the entries; null for those that save most
    private Candidate beside(
            Tensor weight,
            Stored stored,
            long @Nullable [] places,
            EntryFit fit,
            @Nullable RoundingMetric metric,
            String subject) {
        try (var _ = TensorScope.open()) {
            var error = weight.sub(MergedExport.matrix(stored.linear()));
            var count = outliers.count((int) weight.size(0), (int) weight.size(1));
            var chosen = places == null ? EntryFit.largest(fit.savings(error), count) : places;
            var values = Tensors.ofDoubles(fit.values(error, chosen), chosen.length);
            var rounded = Finite.check(values.to(plain), subject + ".sparse.values rounded to " + plain)
                    .toHost(plain, arena);
            var sparse = SparseRows.of(Shape.of(weight.size(0), weight.size(1)), chosen, rounded, arena);
            var left = error.sub(sparse.matrix());
            var joint = RoundingMetric.cost(left, metric);
            return new Candidate(stored, new Linear.SparsePlusLowRank(stored.linear(), sparse), joint);
        }
    }

    /// @param first stored from the weight itself
    private static RoundingReport report(
            Tensor weight, Candidate first, Candidate best, @Nullable RoundingMetric metric) {
        var before = first.stored.rounding();
        var after = best.stored.rounding();
        return new RoundingReport(
                after == null ? Map.of() : after.types(),
                RoundingMetric.cost(weight, metric),
                before == null
                        ? RoundingMetric.cost(weight.sub(MergedExport.matrix(first.stored.linear())), metric)
                        : before.cut(),
                best.joint,
                metric != null,
                after != null && after.feedback(),
                best.linear.sparse().count());
    }
}
