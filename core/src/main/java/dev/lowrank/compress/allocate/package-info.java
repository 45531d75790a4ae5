/// How a budget becomes a rank for each site.
///
/// Reading order: [KeepRatio], [RankRule].
@NullMarked
package dev.lowrank.compress.allocate;

import org.jspecify.annotations.NullMarked;
