package dev.lowrank.testing;

import dev.lowrank.tensor.Tensor;
import org.assertj.core.api.AbstractAssert;

/// AssertJ for tensors. Comparing needs no open scope.
public final class TensorAssert extends AbstractAssert<TensorAssert, Tensor> {
    private TensorAssert(Tensor actual) {
        super(actual, TensorAssert.class);
    }

    /// @param actual tensor under test
    /// @return its assertions
    public static TensorAssert assertThat(Tensor actual) {
        return new TensorAssert(actual);
    }

    /// @param sizes expected shape
    /// @return this
    public TensorAssert hasShape(long... sizes) {
        isNotNull();
        if (!java.util.Arrays.equals(actual.shape().toArray(), sizes)) {
            failWithMessage("Expected shape %s, but was %s", java.util.Arrays.toString(sizes), actual.shape());
        }
        return this;
    }

    /// @param expected tensor of the same shape, any dtype
    /// @param tolerance how close
    /// @return this
    public TensorAssert isCloseTo(Tensor expected, Tolerance tolerance) {
        isNotNull();
        hasShape(expected.shape().toArray());
        return isCloseTo(expected.toDoubles(), tolerance);
    }

    /// @param expected elements, row-major
    /// @param tolerance how close
    /// @return this
    public TensorAssert isCloseTo(double[] expected, Tolerance tolerance) {
        isNotNull();
        var values = actual.toDoubles();
        if (values.length != expected.length) {
            failWithMessage("Expected %s elements, but were %s", expected.length, values.length);
        }
        var magnitude = 0.0;
        var worst = -1;
        var difference = -1.0;
        for (var i = 0; i < values.length; i++) {
            magnitude = Math.max(magnitude, Math.abs(expected[i]));
            var here = values[i] == expected[i] ? 0.0 : Math.abs(values[i] - expected[i]);
            if (!(here <= difference)) { // also where `here` is NaN
                difference = here;
                worst = i;
                if (Double.isNaN(here)) {
                    break;
                }
            }
        }
        if (!(difference <= tolerance.bound(magnitude)) && values.length > 0) {
            failWithMessage(
                    "%s differs by %s at flat index %s: expected %s, but was %s; %s allows %s",
                    actual, difference, worst, expected[worst], values[worst], tolerance, tolerance.bound(magnitude));
        }
        return this;
    }

    /// @return this, if every element is finite
    public TensorAssert isFinite() {
        isNotNull();
        if (!actual.isFiniteAll()) {
            failWithMessage("%s has %s elements that are NaN or infinite", actual, actual.countNonFinite());
        }
        return this;
    }
}
