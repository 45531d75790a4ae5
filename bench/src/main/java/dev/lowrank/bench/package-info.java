/// Measurements: of parts by JMH ([RowProducts], [Decompositions], [PocketSpeed], [Encoding], started by
/// [Benchmarks]), and of whole models beside a peer ([PeerComparison]). Never shipped.
@NullMarked
package dev.lowrank.bench;

import org.jspecify.annotations.NullMarked;
