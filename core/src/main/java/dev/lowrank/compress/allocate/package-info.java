/// How a budget becomes a storage form and a rank for each site.
///
/// Reading order: [KeepRatio], [Budget], [Choice], [Evidence], [AllocationProblem], [Allocator],
/// [Allocation], [Allocators]; then one file per allocator,
/// [Knapsack] first; what they share is in [Ladders], [Curves] and [ConvexSpending];
/// [WithinBound] searches for the largest cut within a [QualityBound], such as [PerplexityIncrease].
@NullMarked
package dev.lowrank.compress.allocate;

import org.jspecify.annotations.NullMarked;
