package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// Whitening on both sides: an error counts by the inputs that meet it and by what the loss feels of it.
///
/// Metrics: `G = Σ x xᵀ`, `R = (1 − s) E[g gᵀ] + s mean(diag) I` with `g` the loss gradient at the output
/// for labels drawn from the model, the two factors by which K-FAC approximates the Fisher matrix (Martens
/// and Grosse, arXiv:1503.05671). Deviations from the published KFAC-SVD: drawn labels in place of the
/// text's, token norms clipped within a window, one shrinkage towards the mean diagonal in place of Ledoit
/// and Wolf's.
///
/// @param shrinkage `s`, in [0, 1]; 1 is [SvdLlm]
/// @param centred whether the mean input is taken out and given back by a bias
/// @param inputShrinkage of `G`
record KfacSvd(double shrinkage, boolean centred, Shrinkage inputShrinkage) implements SiteMethod {
    private static final MethodInfo INFO = new MethodInfo(
            "kfac-svd",
            "SVD whitened by inputs and by output gradients",
            "arXiv:1503.05671",
            Set.of(Statistic.SECOND_MOMENT, Statistic.OUTPUT_GRADIENT));

    KfacSvd {
        if (!(shrinkage >= 0 && shrinkage <= 1)) {
            throw new IllegalArgumentException("--shrinkage is between 0 and 1, but was " + shrinkage);
        }
    }

    @Override
    public List<String> options() {
        var own = List.of("--shrinkage", Double.toString(shrinkage));
        var metric = InputMetric.options(centred ? List.of("--centred") : List.of(), inputShrinkage);
        return Stream.concat(own.stream(), metric.stream()).toList();
    }

    @Override
    public MethodInfo info() {
        return INFO.centred(centred);
    }

    @Override
    public boolean restoresMean() {
        return centred;
    }

    @Override
    public Decomposition decompose(Problem problem) {
        return TensorScope.tidy(() -> Projection.twoSided(
                problem,
                InputMetric.of(problem, centred, inputShrinkage),
                shrunk(problem.statistics().requireOutputGradient())));
    }

    private Tensor shrunk(Tensor moment) {
        var level = moment.diagonal().mean().item();
        var identity = Tensors.eye(moment.dtype(), moment.size(0));
        return moment.mul(1 - shrinkage).add(identity.mul(shrinkage * level));
    }
}
