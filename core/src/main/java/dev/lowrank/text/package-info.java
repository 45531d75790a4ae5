/// Tokenizers, chat templates and texts; speaks `int[]`, never tensors.
@NullMarked
package dev.lowrank.text;

import org.jspecify.annotations.NullMarked;
