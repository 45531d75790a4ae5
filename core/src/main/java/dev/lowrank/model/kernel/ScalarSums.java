package dev.lowrank.model.kernel;

/// Sums over columns for lanes side by side, without vectors: what every product of [ScalarKernels] comes
/// down to, so that there is little to compile. Weights and sums lie in the same scratch; a lane's sum
/// takes its columns in their order. A few lanes run together in local variables, which hides the latency
/// of the multiply-add.
final class ScalarSums {
    private ScalarSums() {}

    /// `scratch[to + lane] += Σ scratch[at + j lanes + lane] x[from + j]`, each term by one multiply-add,
    /// over `j = 0, step, 2 step ...` below `count`.
    ///
    /// @param lanes a multiple of four
    static void add(float[] scratch, int at, int lanes, float[] x, int from, int count, int step, int to) {
        var apart = step * lanes;
        for (var lane = 0; lane < lanes; lane += 4) {
            var sums = to + lane;
            var a = scratch[sums];
            var b = scratch[sums + 1];
            var c = scratch[sums + 2];
            var d = scratch[sums + 3];
            var w = at + lane;
            for (var j = 0; j < count; j += step, w += apart) {
                var value = x[from + j];
                a = Math.fma(scratch[w], value, a);
                b = Math.fma(scratch[w + 1], value, b);
                c = Math.fma(scratch[w + 2], value, c);
                d = Math.fma(scratch[w + 3], value, d);
            }
            scratch[sums] = a;
            scratch[sums + 1] = b;
            scratch[sums + 2] = c;
            scratch[sums + 3] = d;
        }
    }

    /// The same for [Kernels#ROWS] rows, whose sums are `lanes` apart; a weight is loaded once for all.
    static void add(
            float[] scratch,
            int at,
            int lanes,
            float[] x,
            float[] y,
            float[] z,
            float[] u,
            int from,
            int count,
            int step,
            int to) {
        var apart = step * lanes;
        for (var lane = 0; lane < lanes; lane += 2) {
            var first = to + lane;
            var second = first + lanes;
            var third = second + lanes;
            var fourth = third + lanes;
            var a = scratch[first];
            var b = scratch[first + 1];
            var c = scratch[second];
            var d = scratch[second + 1];
            var e = scratch[third];
            var f = scratch[third + 1];
            var g = scratch[fourth];
            var h = scratch[fourth + 1];
            var w = at + lane;
            for (var j = from; j < from + count; j += step, w += apart) {
                var left = scratch[w];
                var right = scratch[w + 1];
                a = Math.fma(left, x[j], a);
                b = Math.fma(right, x[j], b);
                c = Math.fma(left, y[j], c);
                d = Math.fma(right, y[j], d);
                e = Math.fma(left, z[j], e);
                f = Math.fma(right, z[j], f);
                g = Math.fma(left, u[j], g);
                h = Math.fma(right, u[j], h);
            }
            scratch[first] = a;
            scratch[first + 1] = b;
            scratch[second] = c;
            scratch[second + 1] = d;
            scratch[third] = e;
            scratch[third + 1] = f;
            scratch[fourth] = g;
            scratch[fourth + 1] = h;
        }
    }
}
