/// Kernels for a few rows of activations over packed weights; the only package that uses the Vector API.
///
/// Reading order: [Panels] and [RowInput] are what is multiplied; [Kernels] says what can be computed and
/// chooses between [VectorKernels] and [ScalarKernels] once; [WorkerTeam] shares a step among threads.
@NullMarked
package dev.lowrank.model.kernel;

import org.jspecify.annotations.NullMarked;
