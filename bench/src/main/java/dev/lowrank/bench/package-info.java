/// Measurements of parts by JMH: [RowProducts], [Decompositions], [PocketSpeed], [Encoding], started by
/// [Benchmarks]. Whole models are measured by the command `bench`. Never shipped.
@NullMarked
package dev.lowrank.bench;

import org.jspecify.annotations.NullMarked;
