/// Perplexity by named protocol, and meters of speed and memory. Never seen by compression.
///
/// Reading order: [Perplexity], [SpeedMeter], [ProcessMemory].
@NullMarked
package dev.lowrank.evaluate;

import org.jspecify.annotations.NullMarked;
