package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.SecondMoment;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The column metric of a site: what calibration measured of its inputs, as a method uses it.
///
/// @param moment centred and shrunk where the method asks for it
/// @param mean the mean input `[in]` that was taken out and must be given back by a bias; null for none
/// @param notes what was done to it, for the manifest
record InputMetric(SecondMoment moment, @Nullable Tensor mean, List<String> notes) {
    /// Of a site, in the innermost scope.
    static InputMetric of(Problem problem, boolean centred, Shrinkage shrinkage) {
        var statistics = problem.statistics();
        var mean = centred ? statistics.requireMean() : null;
        var measured = statistics.requireMoment();
        var moment = mean == null ? measured : measured.centred(problem.weight(), mean, statistics.tokens());
        var shrunk = shrinkage.apply(moment, problem.weight(), statistics.tokens());
        var notes = shrunk.share() == 0
                ? List.<String>of()
                : List.of(String.format(
                        Locale.ROOT,
                        "input metric drawn %.3g of the way to the identity: %d tokens for %d channels",
                        shrunk.share(),
                        statistics.tokens(),
                        problem.site().in()));
        return new InputMetric(shrunk.moment(), mean, notes);
    }

    /// As measured.
    static InputMetric of(SecondMoment moment) {
        return new InputMetric(moment, null, List.of());
    }
}
