/// Kernels for one row of activations over weights in plain memory; the only package that uses the Vector
/// API.
///
/// Reading order: [RowMatrix] and [RowVector] are what is multiplied; [Kernels] says what can be computed
/// and chooses between [VectorKernels] and [ScalarKernels] once; [WorkerTeam] shares the rows of a step
/// among threads.
@NullMarked
package dev.lowrank.model.kernel;

import org.jspecify.annotations.NullMarked;
