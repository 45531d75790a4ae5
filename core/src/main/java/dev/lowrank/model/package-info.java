/// Architectures, linear operators and their storage forms, the engines that run them, generation.
@NullMarked
package dev.lowrank.model;

import org.jspecify.annotations.NullMarked;
