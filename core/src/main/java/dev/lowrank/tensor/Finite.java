package dev.lowrank.tensor;

import java.util.Arrays;

/// The finite check that stands before every decomposition and statistic.
public final class Finite {
    private Finite() {}

    /// @param tensor floating values
    /// @param subject name of the tensor, site or layer, for the message
    /// @return `tensor`
    /// @throws NumericalException naming the subject, how many values are not finite and where the first
    ///     one is
    public static Tensor check(Tensor tensor, String subject) {
        if (tensor.isFiniteAll()) {
            return tensor;
        }
        var count = tensor.countNonFinite();
        var first = TensorScope.tidy(() -> {
            // x − x is 0 for finite x and NaN otherwise; NaN equals nothing, itself included
            var doubtful = tensor.sub(tensor).reshape(-1);
            return (long) doubtful.eq(doubtful).lt(1).argmax(0, false).item();
        });
        throw new NumericalException(
                NumericalException.Kind.NON_FINITE,
                subject,
                count + " of " + tensor.elements() + " values are NaN or infinite, the first at index "
                        + Arrays.toString(index(first, tensor.shape())) + "; all must be finite");
    }

    private static long[] index(long flat, Shape shape) {
        var index = new long[shape.rank()];
        var rest = flat;
        for (var i = index.length - 1; i >= 0; i--) {
            index[i] = rest % shape.size(i);
            rest /= shape.size(i);
        }
        return index;
    }
}
