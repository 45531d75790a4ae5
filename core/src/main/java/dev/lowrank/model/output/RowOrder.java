package dev.lowrank.model.output;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.LongUnaryOperator;

/// Puts the rows of a matrix, or the elements of a bias, in the order that llama.cpp wants; quantised rows
/// move as they are.
final class RowOrder {
    private RowOrder() {}

    /// Rotary partners side by side: the halves of each head become pairs.
    ///
    /// @param tensor `[heads · width, ..]`
    /// @param width of a head
    static HostTensor pairs(HostTensor tensor, int width) {
        return reorder(tensor, row -> {
            var within = row % width;
            return row - within + within % 2 * (width / 2) + within / 2;
        });
    }

    /// All queries, then all keys, then all values, of a matrix that has the three of each head together.
    ///
    /// @param tensor `[3 · heads · width, ..]`
    /// @param width of a head
    static HostTensor concatenated(HostTensor tensor, int heads, int width) {
        var part = (long) heads * width;
        return reorder(tensor, row -> row % part / width * 3 * width + row / part * width + row % width);
    }

    private static HostTensor reorder(HostTensor tensor, LongUnaryOperator from) {
        var rows = tensor.shape().size(0);
        var rowBytes = tensor.bytes() / rows;
        var target = Arena.ofAuto().allocate(tensor.bytes(), 64);
        for (var row = 0L; row < rows; row++) {
            MemorySegment.copy(tensor.data(), from.applyAsLong(row) * rowBytes, target, row * rowBytes, rowBytes);
        }
        return new HostTensor(tensor.dtype(), tensor.shape(), target);
    }
}
