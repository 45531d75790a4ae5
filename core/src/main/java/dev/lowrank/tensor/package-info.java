/// Tensors, dtypes, linear algebra and scopes; the only package that imports `org.bytedeco`.
///
/// Reading order: [DType], [Shape], [HostTensor] (plain memory, no native library), then [TensorScope],
/// [TensorStore], [Tensor], [Tensors], [Functional], [Linalg], [PsdFactor] (LibTorch).
@NullMarked
package dev.lowrank.tensor;

import org.jspecify.annotations.NullMarked;
