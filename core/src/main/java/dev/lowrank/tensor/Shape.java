package dev.lowrank.tensor;

import java.util.Arrays;

/// The sizes of a tensor's dimensions, outermost first; immutable. A scalar has no dimensions and prints as
/// `[]`.
public final class Shape {
    private final long[] sizes;

    private Shape(long[] sizes) {
        this.sizes = sizes;
    }

    /// @param sizes dimension sizes, none negative; copied
    /// @return the shape
    public static Shape of(long... sizes) {
        for (var size : sizes) {
            if (size < 0) {
                throw new IllegalArgumentException("A dimension cannot be negative: " + Arrays.toString(sizes));
            }
        }
        return new Shape(sizes.clone());
    }

    /// @return number of dimensions
    public int rank() {
        return sizes.length;
    }

    /// @param dimension index from 0; a negative one counts from the end, -1 being the last
    /// @return its size
    public long size(int dimension) {
        return sizes[dimension < 0 ? sizes.length + dimension : dimension];
    }

    /// @return number of elements; 1 for a scalar
    /// @throws ArithmeticException if it does not fit into a `long`
    public long elements() {
        var product = 1L;
        for (var size : sizes) {
            product = Math.multiplyExact(product, size);
        }
        return product;
    }

    /// @return a copy of the sizes
    public long[] toArray() {
        return sizes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(sizes, shape.sizes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(sizes);
    }

    @Override
    public String toString() {
        return Arrays.toString(sizes);
    }
}
