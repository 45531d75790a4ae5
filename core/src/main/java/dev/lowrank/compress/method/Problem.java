package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.Tensor;

/// One site to decompose.
///
/// @param site which
/// @param weight F64 `[out, in]`, finite; borrowed
/// @param statistics what the method asked for; borrowed
/// @param wanted leading components that will be used; a method may leave out the others, but not their
///     singular values
public record Problem(LinearSite site, Tensor weight, SiteStatistics statistics, int wanted) {
    /// A site whose components are all wanted.
    public Problem(LinearSite site, Tensor weight, SiteStatistics statistics) {
        this(site, weight, statistics, Integer.MAX_VALUE);
    }

    /// The wanted part of something that has one entry for each component, a borrowed view.
    Tensor leading(Tensor all, int dimension) {
        return all.narrow(dimension, 0, Math.min(wanted, all.size(dimension)));
    }
}
