/// The heart: calibration statistics, metrics, projection, rank plan, storage form, shard.
@NullMarked
package dev.lowrank.compress;

import org.jspecify.annotations.NullMarked;
