package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.BlockStatistics;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.LinearSite.Layout;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.Tensors;
import java.util.EnumSet;
import java.util.List;

/// A random site with correlated inputs of nonzero mean, and what calibration measures on them.
record SiteSample(LinearSite site, Tensor weight, Tensor inputs, BlockStatistics statistics) implements AutoCloseable {
    /// In the innermost scope.
    static SiteSample of(int out, int in, int tokens, long seed) {
        var mixing = Tensors.randn(seed, DType.F64, in, in).mul(1 / Math.sqrt(in));
        var scales = Tensors.arange(1, in + 1, DType.F64).rsqrt();
        var inputs = Tensors.randn(seed + 1, DType.F64, tokens, in)
                .mul(scales)
                .matmul(mixing)
                .add(Tensors.randn(seed + 2, DType.F64, in).mul(0.3));
        return of(Tensors.randn(seed + 3, DType.F64, out, in), inputs);
    }

    static SiteSample of(Tensor weight, Tensor inputs) {
        // A role whose feed has this one site only, so that the side of the moment follows from its shape.
        var out = (int) weight.size(0);
        var in = (int) weight.size(1);
        var site = new LinearSite(3, Role.DOWN_PROJ, "model.layers.3.mlp.down_proj", in, out, false, Layout.OUT_IN);
        var statistics = BlockStatistics.of(List.of(site), EnumSet.allOf(Statistic.class), s -> null);
        var rows = inputs.to(DType.F32).unsqueeze(0);
        statistics.input(site.role().feed(), rows);
        statistics.output(site.role(), rows.matmul(weight.to(DType.F32).t()));
        return new SiteSample(site, weight, inputs, statistics);
    }

    SiteStatistics measured() {
        return statistics.of(site);
    }

    Problem problem() {
        return new Problem(site, weight, measured().withOutputGradient(felt()));
    }

    /// A second moment of output gradients with directions that matter a hundred times more than others.
    Tensor felt() {
        var out = weight.size(0);
        var scales = Tensors.arange(1, out + 1, DType.F64).rsqrt();
        var gradients = Tensors.randn(17, DType.F64, 4 * out, out).mul(scales);
        return gradients.t().matmul(gradients).div(4.0 * out);
    }

    /// `‖(W − W_r) X + shift‖` over the inputs, absolute.
    double outputError(Factors factors, Tensor shift) {
        var pair = factors.absorbed();
        var difference = weight.sub(pair.b().matmul(pair.a()));
        return inputs.matmul(difference.t()).sub(shift).norm().item();
    }

    double outputError(Factors factors) {
        return outputError(factors, Tensors.zeros(DType.F64, weight.size(0)));
    }

    @Override
    public void close() {
        statistics.close();
    }
}
