package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import java.lang.foreign.MemorySegment;

/// The computations of a decoder block on a few rows, in F32. All are pure functions of their arguments,
/// allocate nothing and may run on several threads at once. Every sum has one fixed order that depends on
/// lengths only, not on threads, row ranges, how many rows run together or whether the code is compiled
/// yet.
///
/// `scratch` is an array that no other thread uses meanwhile: of at least [#scratch(Panels)] floats for
/// products, else of [#SCRATCH].
public sealed interface Kernels permits VectorKernels, ScalarKernels {
    /// Rows of activations that meet a weight together once it is read.
    int ROWS = 4;

    /// Rows of activations that can run together.
    int MAX_ROWS = 16;

    /// Positions whose keys lie side by side in a [dev.lowrank.model.KvCache].
    int KEY_BLOCK = 16;

    /// Positions that [#scores] works on at once.
    int KEY_GROUP = 128;

    /// Floats of scratch that everything but products is content with.
    int SCRATCH = 2048 + KEY_BLOCK;

    /// The fastest kernels that this JVM can run: the Vector API where its module is present and the
    /// machine has vectors of at least four floats, else plain loops (several times slower).
    static Kernels best() {
        return Choice.BEST;
    }

    /// Plain loops, with the bits of vectors of 16 floats.
    static Kernels scalar() {
        return scalar(KEY_BLOCK);
    }

    /// Plain loops that give the same bits as vectors of some width, whatever runs when, and work on the
    /// same panels; only the payload of a NaN may differ.
    ///
    /// @param lanes floats of a vector: 4, 8 or 16
    static Kernels scalar(int lanes) {
        return new ScalarKernels(lanes);
    }

    /// What computes, for `doctor`: the kind and its vector width.
    String describe();

    /// Rows of weights that form a panel.
    int lanes();

    /// Panels of a matrix that run together; a range of them is best a multiple of that.
    int panelsTogether(Panels w);

    /// Makes an input ready for products with a matrix and all others that read like it.
    default void prepare(RowInput x, Panels w) {
        x.prepare(w);
    }

    /// Floats of scratch that products with a matrix need.
    int scratch(Panels w);

    /// `y[k][offset + row] = w[row] · x[k]` for the rows of some panels and some rows of activations, which
    /// share what is read of the matrix.
    ///
    /// @param first panel
    /// @param count of panels
    /// @param x prepared for the matrix's form
    /// @param from the first of the rows of `x` and `y`
    /// @param rows how many, at most [#MAX_ROWS]; where they are not alone and do not fill [#ROWS], those
    ///     behind them are read too, and their outputs mean nothing
    /// @param y written from `offset` plus the first row
    void products(
            Panels w, int first, int count, RowInput[] x, int from, int rows, float[][] y, int offset, float[] scratch);

    /// Products of a query with the keys of [#KEY_GROUP] positions, one sum over the width each.
    ///
    /// @param type of the keys, F32 or BF16
    /// @param keys from byte `start`: F32 `[group / KEY_BLOCK, width, KEY_BLOCK]`, or BF16 `[group /
    ///     KEY_BLOCK, width / 2, KEY_BLOCK, 2]`
    /// @param width of a key; even in BF16
    /// @param q from `qOffset`, `width` elements
    /// @param scores written from `at`
    void scores(
            DType type,
            MemorySegment keys,
            long start,
            int width,
            float[] q,
            int qOffset,
            float[] scores,
            int at,
            float[] scratch);

    /// `y[yOffset..] += Σ p[pOffset + i] row i` over rows in native memory: the values of a head. Numbers in
    /// BF16 give the same bits as those numbers in F32.
    ///
    /// @param type of the rows, F32 or BF16
    /// @param data from byte `start`: F32 `[rows, columns]`, or BF16 `[rows / 2, columns, 2]`, each two rows
    ///     element by element
    void mix(
            DType type,
            MemorySegment data,
            long start,
            int rows,
            int columns,
            float[] p,
            int pOffset,
            float[] y,
            int yOffset,
            float[] scratch);

    /// `p = exp(scale (p − max p))` over `length` elements from `offset`, in place.
    ///
    /// @param result gets `scale max p` at `at` and the sum of the new elements behind it
    void expShifted(float[] p, int offset, int length, float scale, float[] result, int at, float[] scratch);

    /// `y = x / sqrt(mean(x²) + epsilon) · scale` over `scale.length` elements.
    void rmsNorm(float[] x, float[] scale, double epsilon, float[] y, float[] scratch);

    /// `y = (x − mean) / sqrt(variance + epsilon) · scale + shift` over `scale.length` elements.
    void layerNorm(float[] x, float[] scale, float[] shift, double epsilon, float[] y, float[] scratch);

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

    /// The same for a head that kept only some pairs.
    ///
    /// @param pairs which, their places in `cos` and `sin`
    default void rotate(float[] x, int offset, int[] pairs, float[] cos, float[] sin) {
        var half = pairs.length;
        for (var i = 0; i < half; i++) {
            var first = x[offset + i];
            var second = x[offset + half + i];
            x[offset + i] = first * cos[pairs[i]] - second * sin[pairs[i]];
            x[offset + half + i] = second * cos[pairs[i]] + first * sin[pairs[i]];
        }
    }
}
