package dev.lowrank.compress.method;

import dev.lowrank.tensor.Tensor;

/// Turns the residual stream of the whole model into other axes and keeps some of them, so that every
/// linear that reads or writes it becomes narrower. What stays is an ordinary model. Adding one means
/// adding a file and a line in [Methods].
public non-sealed interface StreamRotation extends Method {
    /// Chooses the axes that stay.
    ///
    /// @param moment second moment of the normalised stream, F64 `[hidden, hidden]`
    /// @param width how many, from 1 to `hidden`
    /// @return in the innermost scope
    /// @throws dev.lowrank.tensor.NumericalException if the numbers do not allow it
    StreamAxes axes(Tensor moment, int width);
}
