package dev.lowrank.tensor;

import static dev.lowrank.tensor.BlockEncoder.nearest;

import java.util.Arrays;

/// Searches the scale of a sub-block: candidates a little above and below the obvious one are rounded to,
/// each gets the scale that is best for its codes by weighted least squares, and the best of them stays.
/// The candidates, the weights and the order of every sum in single precision are those of the reference
/// quantisers of ggml, so that the codes are theirs to the bit.
final class ScaleSearch {
    /// Below it a sub-block counts as zero.
    static final float NOTHING = 1e-15f;

    private static final float STEP = 0.1f;

    private ScaleSearch() {}

    /// Fits `x ≈ scale · (code − levels)` with weights `x²`, candidates up to 0.9 of a level around
    /// `levels`.
    ///
    /// @param levels half the number of codes
    /// @param codes receives `count` codes from `to`, from 0 to `2 levels − 1`
    /// @return the scale; of either sign; 0 for nothing but zeros
    static float symmetric(float[] source, int from, int count, int levels, byte[] codes, int to) {
        var largest = 0f;
        var outermost = 0f;
        for (var i = from; i < from + count; i++) {
            if (Math.abs(source[i]) > largest) {
                largest = Math.abs(source[i]);
                outermost = source[i];
            }
        }
        if (largest < NOTHING) {
            return 0;
        }
        var scale = 0f;
        var best = 0f;
        for (var step = 0; step < 19; step++) {
            // The obvious candidate comes first, then those from -9 to 9 without it.
            var offset = step == 0 ? 0 : step < 10 ? step - 10 : step - 9;
            var inverse = -(levels + STEP * offset) / outermost;
            var sumProduct = 0f;
            var sumSquare = 0f;
            for (var i = from; i < from + count; i++) {
                var x = source[i];
                var level = Math.clamp(nearest(inverse * x), -levels, levels - 1);
                var weight = x * x;
                sumProduct += weight * x * level;
                sumSquare += weight * level * level;
            }
            if (step == 0 || (sumSquare > 0 && sumProduct * sumProduct > best * sumSquare)) {
                for (var i = 0; i < count; i++) {
                    codes[to + i] =
                            (byte) (Math.clamp(nearest(inverse * source[from + i]), -levels, levels - 1) + levels);
                }
                scale = sumSquare == 0 ? 0 : sumProduct / sumSquare;
                best = scale * sumProduct;
            }
        }
        return scale;
    }

    /// Fits `x ≈ scale · code − offset`, `offset ≥ 0`, with weights `rms(x) + |x|`.
    static final class Affine {
        private static final int STEPS = 20;

        private final int count;
        private final int most;
        private final float[] weights;
        private final byte[] candidate;
        private float scale;
        private float smallest;

        /// @param count weights of a sub-block
        /// @param most largest code
        Affine(int count, int most) {
            this.count = count;
            this.most = most;
            this.weights = new float[count];
            this.candidate = new byte[count];
        }

        float scale() {
            return scale;
        }

        float offset() {
            return -smallest;
        }

        /// @param codes receives the codes from `to`
        void fit(float[] source, int from, byte[] codes, int to) {
            weigh(source, from);
            var low = source[from];
            var high = source[from];
            var sumWeight = weights[0];
            var sumX = sumWeight * source[from];
            for (var i = 1; i < count; i++) {
                var x = source[from + i];
                low = x < low ? x : low;
                high = x > high ? x : high;
                sumWeight += weights[i];
                sumX += weights[i] * x;
            }
            low = low > 0 ? 0 : low;
            smallest = low;
            if (high == low) {
                Arrays.fill(codes, to, to + count, (byte) 0);
                scale = 0;
                return;
            }
            var inverse = most / (high - low);
            scale = 1 / inverse;
            round(source, from, inverse, low);
            System.arraycopy(candidate, 0, codes, to, count);
            var best = error(source, from, scale, low);
            for (var step = 0; step <= STEPS; step++) {
                // From the offset that is best so far, which the reference moves along as well.
                round(source, from, (-1 + STEP * step + most) / (high - smallest), smallest);
                best = improve(source, from, sumWeight, sumX, best, codes, to);
            }
        }

        private void weigh(float[] source, int from) {
            var sumSquare = 0f;
            for (var i = 0; i < count; i++) {
                sumSquare += source[from + i] * source[from + i];
            }
            var rms = (float) Math.sqrt(sumSquare / count);
            for (var i = 0; i < count; i++) {
                weights[i] = rms + Math.abs(source[from + i]);
            }
        }

        private void round(float[] source, int from, float inverse, float low) {
            for (var i = 0; i < count; i++) {
                candidate[i] = (byte) Math.clamp(nearest(inverse * (source[from + i] - low)), 0, most);
            }
        }

        private float error(float[] source, int from, float factor, float added) {
            var sum = 0f;
            for (var i = 0; i < count; i++) {
                var difference = factor * candidate[i] + added - source[from + i];
                sum += weights[i] * (difference * difference);
            }
            return sum;
        }

        /// Takes the candidate's codes with their own best scale and offset where they are better.
        ///
        /// @return the smallest error so far
        private float improve(float[] source, int from, float sumWeight, float sumX, float best, byte[] codes, int to) {
            var sumCode = 0f;
            var sumSquare = 0f;
            var sumProduct = 0f;
            for (var i = 0; i < count; i++) {
                var weighted = weights[i] * candidate[i];
                sumCode += weighted;
                sumSquare += weighted * candidate[i];
                sumProduct += weighted * source[from + i];
            }
            var determinant = sumWeight * sumSquare - sumCode * sumCode;
            if (!(determinant > 0)) {
                return best;
            }
            var ownScale = (sumWeight * sumProduct - sumX * sumCode) / determinant;
            var ownSmallest = (sumSquare * sumX - sumCode * sumProduct) / determinant;
            if (ownSmallest > 0) {
                ownSmallest = 0;
                ownScale = sumProduct / sumSquare;
            }
            var error = error(source, from, ownScale, ownSmallest);
            if (!(error < best)) {
                return best;
            }
            System.arraycopy(candidate, 0, codes, to, count);
            scale = ownScale;
            smallest = ownSmallest;
            return error;
        }
    }
}
