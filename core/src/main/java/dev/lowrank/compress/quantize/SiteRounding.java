package dev.lowrank.compress.quantize;

import dev.lowrank.compress.storage.BlockFit;
import dev.lowrank.model.Linear;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.PsdFactor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.tensor.TypeConversion;
import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Rounds the parts of a site to blocks.
///
/// With a metric, the part that reads the inputs is rounded first, with errors passed on; the part behind
/// it is fitted anew, by least squares, to what the rounded first one gives it, and then rounded in the
/// metric of that. Where rounding every weight by itself loses less all the same, that is taken.
///
/// @param quantization what is asked
/// @param plain element type of the model, for biases and for rows that fit no blocks
/// @param arena owner of the results; shared between threads
public record SiteRounding(Quantization quantization, DType plain, Arena arena) {

    /// A rounded site.
    ///
    /// @param linear what it stores
    /// @param report what that came to
    public record Rounded(Linear linear, RoundingReport report) {}

    /// Rounds a site.
    ///
    /// @param linear its exact parts and its bias, F64
    /// @param weight F64 `[out, in]`, what the site should compute
    /// @param metric of its inputs; null where they were not measured, which only plain rounding allows
    /// @param subject names it in errors
    /// @throws IllegalArgumentException if errors are to be passed on and there is no metric
    public Rounded round(Linear.Base linear, Tensor weight, @Nullable RoundingMetric metric, String subject) {
        return round(linear, weight, metric, null, subject);
    }

    /// The same where the errors of some entries of a dense weight are of no matter.
    ///
    /// @param spared these, row by row; null for none
    public Rounded round(
            Linear.Base linear,
            Tensor weight,
            @Nullable RoundingMetric metric,
            @Nullable BitSet spared,
            String subject) {
        if (!quantization.plain() && metric == null) {
            throw new IllegalArgumentException("Quantising " + subject + " by the metric of its inputs needs their"
                    + " second moment, which was not measured; give --quantize-plain, or a method with --update"
                    + " sequential");
        }
        try (var _ = TensorScope.open()) {
            var nearest = nearest(linear, subject);
            var lost = cost(weight, nearest, metric);
            var chosen = nearest;
            var feedback = false;
            if (!quantization.plain() && metric != null) {
                var passed = passed(linear, weight, metric, spared, subject);
                var less = cost(weight, passed, metric);
                feedback = less <= lost;
                chosen = feedback ? passed : nearest;
                lost = Math.min(less, lost);
            }
            var report = new RoundingReport(
                    types(chosen),
                    RoundingMetric.cost(weight, metric),
                    cost(weight, linear, metric),
                    lost,
                    metric != null,
                    feedback);
            return new Rounded(chosen, report);
        }
    }

    /// What a linear loses of a weight.
    private static double cost(Tensor weight, Linear linear, @Nullable RoundingMetric metric) {
        try (var _ = TensorScope.open()) {
            var error = weight.sub(MergedExport.matrix(linear));
            return RoundingMetric.cost(error, metric);
        }
    }

    private Linear.Base nearest(Linear.Base linear, String subject) {
        var parts = linear.parts().stream().map(part -> nearest(part, subject)).toList();
        return with(linear, parts, bias(linear, subject));
    }

    private Linear.Base passed(
            Linear.Base linear, Tensor weight, RoundingMetric metric, @Nullable BitSet spared, String subject) {
        var bias = bias(linear, subject);
        return switch (linear) {
            case Linear.Dense dense ->
                with(dense, List.of(passed(exact(dense.weight()), metric, spared, subject)), bias);
            case Linear.Factored pair -> {
                var a = passed(balanced(pair), metric, subject);
                yield with(pair, List.of(a, fitted(weight, a, metric, subject)), bias);
            }
            case Linear.Pivoted pivoted -> {
                var pivot = passed(exact(pivoted.pivot()), metric, subject);
                yield with(pivoted, List.of(pivot, fitted(rows(weight, pivoted, false), pivot, metric, subject)), bias);
            }
            case Linear.Tucker tucker ->
                throw new IllegalArgumentException("The core of " + subject + " [" + tucker.rank() + "] is not"
                        + " quantised by the metric of the inputs; give --quantize-plain");
        };
    }

    /// `A` with rows so scaled that the columns of `B` are of one length: columns of `B` share scales, rows
    /// of `A` do not.
    private static Tensor balanced(Linear.Factored pair) {
        var lengths = exact(pair.b()).square().sum(0, false).sqrt().clampMin(Double.MIN_NORMAL);
        return exact(pair.a()).mul(lengths.unsqueeze(1));
    }

    /// The rows of a weight that are pivots, or those that are not, in the order of `pivot` or `rest`.
    private static Tensor rows(Tensor weight, Linear.Pivoted pivoted, boolean pivots) {
        var rank = pivoted.rank();
        var first = pivots ? 0 : rank;
        var rows = new long[pivots ? rank : pivoted.out() - rank];
        for (var row = 0; row < pivoted.out(); row++) {
            var place = (int) pivoted.index().get(row) - first;
            if (place >= 0 && place < rows.length) {
                rows[place] = row;
            }
        }
        return weight.indexSelect(0, Tensors.ofLongs(rows, rows.length));
    }

    /// The rows of a weight fitted to rounded right-hand rows, `X = W G Aᵀ (A G Aᵀ)⁻¹`, and rounded in the
    /// metric `A G Aᵀ`.
    ///
    /// @param weight F64 `[m, in]`
    /// @param right rounded `[rank, in]`
    private HostTensor fitted(Tensor weight, HostTensor right, RoundingMetric metric, String subject) {
        if (weight.size(0) == 0) {
            return nearest(weight.contiguous().toHost(DType.F64, Arena.ofAuto()), subject);
        }
        var fit = Fit.of(weight, exact(right), metric, subject);
        return passed(fit.left, RoundingMetric.of(fit.moment, subject + " after its first factor"), subject);
    }

    /// A weight fitted to right-hand rows `A`.
    ///
    /// @param left `X = W G Aᵀ (A G Aᵀ)⁻¹`, F64 `[m, rank]`
    /// @param moment `A G Aᵀ`, F64 `[rank, rank]`
    private record Fit(Tensor left, Tensor moment) {
        static Fit of(Tensor weight, Tensor a, RoundingMetric metric, String subject) {
            var seen = a.matmul(metric.moment()); // [rank, in]
            var moment = seen.matmul(a.t());
            var factor = PsdFactor.of(moment, subject + " after its first factor");
            var left = factor.solveTransposed(factor.solve(seen.matmul(weight.t())))
                    .t();
            return new Fit(left.contiguous(), moment);
        }

        static double cost(Tensor weight, Tensor a, RoundingMetric metric, String subject) {
            return metric.cost(weight.sub(of(weight, a, metric, subject).left.matmul(a)));
        }
    }

    /// What exact parts lose of a weight once they are fitted as [#round] fits them when it passes errors
    /// on, but not rounded: what a cut costs by itself, so that the rest is rounding's.
    ///
    /// @param linear its exact parts, F64
    /// @param weight F64 `[out, in]`, what the site should compute
    public static double fittedCost(Linear.Base linear, Tensor weight, RoundingMetric metric, String subject) {
        try (var _ = TensorScope.open()) {
            return switch (linear) {
                case Linear.Factored pair -> Fit.cost(weight, exact(pair.a()), metric, subject);
                case Linear.Pivoted pivoted -> {
                    var pivot = exact(pivoted.pivot());
                    var others = rows(weight, pivoted, false);
                    yield metric.cost(rows(weight, pivoted, true).sub(pivot))
                            + (others.size(0) == 0 ? 0 : Fit.cost(others, pivot, metric, subject));
                }
                case Linear.Dense _, Linear.Tucker _ -> cost(weight, linear, metric);
            };
        }
    }

    private HostTensor passed(Tensor matrix, RoundingMetric metric, String subject) {
        return passed(matrix, metric, null, subject);
    }

    private HostTensor passed(Tensor matrix, RoundingMetric metric, @Nullable BitSet spared, String subject) {
        var type = BlockFit.of(quantization.type(), matrix.size(1), plain);
        return type.isBlocks()
                ? new FeedbackRounding(metric, type).round(Finite.check(matrix, subject), spared, arena)
                : plain(matrix, type, subject);
    }

    private HostTensor nearest(HostTensor exact, String subject) {
        var type = BlockFit.of(quantization.type(), exact.shape().size(1), plain);
        return type.isBlocks()
                ? TypeConversion.convert(exact, type, subject, arena)
                : plain(exact(exact), type, subject);
    }

    private HostTensor plain(Tensor matrix, DType type, String subject) {
        return Finite.check(matrix.to(type), subject + " rounded to " + type).toHost(type, arena);
    }

    private @Nullable HostTensor bias(Linear linear, String subject) {
        var bias = linear.bias();
        return bias == null ? null : plain(exact(bias), plain, subject + ".bias");
    }

    private static Linear.Base with(Linear.Base linear, List<HostTensor> parts, @Nullable HostTensor bias) {
        return switch (linear) {
            case Linear.Dense _ -> new Linear.Dense(parts.getFirst(), bias);
            case Linear.Factored _ -> new Linear.Factored(parts.getFirst(), parts.getLast(), bias);
            case Linear.Pivoted pivoted -> new Linear.Pivoted(parts.getFirst(), parts.getLast(), pivoted.index(), bias);
            case Linear.Tucker _ -> new Linear.Tucker(parts.getFirst(), parts.get(1), parts.getLast(), bias);
        };
    }

    private static Map<String, String> types(Linear linear) {
        var types = new LinkedHashMap<String, String>();
        for (var i = 0; i < linear.parts().size(); i++) {
            types.put(
                    linear.names().get(i), linear.parts().get(i).dtype().name().toLowerCase(Locale.ROOT));
        }
        return types;
    }

    private static Tensor exact(HostTensor tensor) {
        return Tensors.from(tensor, DType.F64);
    }
}
