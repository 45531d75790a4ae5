package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.Tensor;

/// One site to decompose.
///
/// @param site which
/// @param weight F64 `[out, in]`, finite; borrowed
/// @param statistics what the method asked for; borrowed
public record Problem(LinearSite site, Tensor weight, SiteStatistics statistics) {}
