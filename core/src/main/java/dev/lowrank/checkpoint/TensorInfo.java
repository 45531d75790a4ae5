package dev.lowrank.checkpoint;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Shape;

/// What a checkpoint says about one tensor without reading it.
///
/// @param name Hugging Face tensor name
/// @param dtype element type of the values; F32 for block-quantised types, which reading leaves in their
///     blocks
/// @param shape sizes, outermost first
/// @param bytes bytes in the file
/// @param storedType type in the file as the format spells it, e.g. `BF16` or `Q4_1`
public record TensorInfo(String name, DType dtype, Shape shape, long bytes, String storedType) {
    /// The same tensor under another name.
    TensorInfo named(String other) {
        return new TensorInfo(other, dtype, shape, bytes, storedType);
    }
}
