package dev.lowrank.model.kernel;

import java.lang.foreign.MemorySegment;

/// The computations of a decoder block on one row, in F32. All are pure functions of their arguments,
/// allocate nothing and may run on several threads at once. Every sum has one fixed order that depends on
/// lengths only, not on threads, row ranges or whether the code is compiled yet.
///
/// `lanes` is scratch of at least [#SCRATCH] floats that no other thread uses meanwhile.
public sealed interface Kernels permits VectorKernels, ScalarKernels {
    /// Length of the scratch array.
    int SCRATCH = 64;

    /// The fastest kernels that this JVM can run: the Vector API where its module is present and the
    /// machine has vectors of at least four floats, else plain loops (two to four times slower).
    static Kernels best() {
        return Choice.BEST;
    }

    /// Plain loops.
    static Kernels scalar() {
        return new ScalarKernels();
    }

    /// What computes, for `doctor`: the kind and its vector width.
    String describe();

    /// Fills [RowVector#split()] from [RowVector#values()].
    void split(RowVector x);

    /// `y[offset + i] = w[first + i] · x` for `rows` rows.
    ///
    /// @param w `[any, in]`
    /// @param x `[in]`, split if `w` is [RowMatrix#halfWidth()]
    /// @param y written from `offset`
    void products(RowMatrix w, int first, int rows, RowVector x, float[] y, int offset, float[] lanes);

    /// `y[yOffset + i] = row i · x[xOffset..]` over F32 rows in native memory, e.g. the keys of a head.
    ///
    /// @param data `[rows, columns]` from byte `start`
    void dots(
            MemorySegment data,
            long start,
            int rows,
            int columns,
            float[] x,
            int xOffset,
            float[] y,
            int yOffset,
            float[] lanes);

    /// `y[yOffset..] = Σ p[pOffset + i] row i` over F32 rows in native memory, e.g. the values of a head.
    ///
    /// @param data `[rows, columns]` from byte `start`
    void mix(MemorySegment data, long start, int rows, int columns, float[] p, int pOffset, float[] y, int yOffset);

    /// `p = softmax(scale · p)` over `length` elements from `offset`, in place.
    void softmax(float[] p, int offset, int length, float scale, float[] lanes);

    /// `y = x / sqrt(mean(x²) + epsilon) · scale` over `scale.length` elements.
    void rmsNorm(float[] x, float[] scale, double epsilon, float[] y, float[] lanes);

    /// `y = (x − mean) / sqrt(variance + epsilon) · scale + shift` over `scale.length` elements.
    void layerNorm(float[] x, float[] scale, float[] shift, double epsilon, float[] y, float[] lanes);

    /// `x += y` over `x.length` elements.
    void add(float[] x, float[] y);

    /// `x *= y` over `x.length` elements.
    void multiply(float[] x, float[] y);

    /// `x / (1 + exp(−x))` in place.
    void silu(float[] x);

    /// `x · (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2` in place.
    void geluTanh(float[] x);

    /// `x · Φ(x)` in place, Φ the normal distribution function, its absolute error below 1e-8 before
    /// rounding to F32.
    default void gelu(float[] x) {
        for (var i = 0; i < x.length; i++) {
            x[i] = (float) (x[i] * NormalDistribution.cumulative(x[i]));
        }
    }

    /// `max(x, 0)` in place; NaN stays.
    default void relu(float[] x) {
        for (var i = 0; i < x.length; i++) {
            x[i] = Math.max(x[i], 0);
        }
    }

    /// Rotates one head in place: `x1 cos − x2 sin`, `x2 cos + x1 sin` with `x1`, `x2` its two halves.
    ///
    /// @param offset of the head in `x`
    /// @param cos one per pair, half a head long; likewise `sin`
    default void rotate(float[] x, int offset, float[] cos, float[] sin) {
        var half = cos.length;
        for (var i = 0; i < half; i++) {
            var first = x[offset + i];
            var second = x[offset + half + i];
            x[offset + i] = first * cos[i] - second * sin[i];
            x[offset + half + i] = second * cos[i] + first * sin[i];
        }
    }
}
