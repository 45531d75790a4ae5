/// What cutting a site does to the model's predictions, estimated from gradients at its output.
///
/// Reading order: [SiteSensitivity], then `GradientPass` one package up, which drives it.
@NullMarked
package dev.lowrank.compress.sensitivity;

import org.jspecify.annotations.NullMarked;
