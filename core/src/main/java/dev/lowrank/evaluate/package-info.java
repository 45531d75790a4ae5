/// Perplexity by named protocol, and meters of speed, bandwidth, memory and energy. Never seen by
/// compression.
///
/// Reading order: [Perplexity], [SpeedMeter], [ProcessMemory], [EnergyMeter], [Machine].
@NullMarked
package dev.lowrank.evaluate;

import org.jspecify.annotations.NullMarked;
