/// Perplexity by named protocol, speed and memory meters.
@NullMarked
package dev.lowrank.evaluate;

import org.jspecify.annotations.NullMarked;
