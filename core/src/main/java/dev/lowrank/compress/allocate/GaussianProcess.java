package dev.lowrank.compress.allocate;

import dev.lowrank.tensor.NumericalException;
import java.util.List;

/// A regression of noisy values by a Gaussian process with a Matérn-5/2 kernel, small and dense.
///
/// `k(x, x') = (1 + a + a²/3) e^{-a}`, `a = √5 |x - x'| / ℓ`, plus noise on the diagonal; values are
/// standardised first. Length scale and noise are those of a small grid with the highest marginal
/// likelihood, at the amplitude that makes it highest, `yᵀK⁻¹y / n`. Source: Rasmussen and Williams,
/// Gaussian Processes for Machine Learning, algorithm 2.1 and equation 4.17.
public final class GaussianProcess {
    private static final double[] LENGTHS = {0.1, 0.2, 0.4, 0.8, 1.6, 3.2};
    private static final double[] NOISES = {1e-6, 1e-4, 1e-2, 1e-1};
    private static final double SMALLEST = 1e-12;

    private final double[][] points;
    private final double length;
    private final double[][] factor;
    private final double[] weights;
    private final double mean;
    private final double deviation;
    private final double spread;

    /// What the process believes of a point.
    ///
    /// @param mean expected value
    /// @param deviation standard deviation of that belief
    public record Belief(double mean, double deviation) {
        private static final double ROOT_TWO_PI = Math.sqrt(2 * Math.PI);

        /// By how much the point is expected to fall below the best value so far.
        public double expectedImprovement(double best) {
            if (deviation <= 0) {
                return Math.max(0, best - mean);
            }
            var z = (best - mean) / deviation;
            var density = Math.exp(-z * z / 2) / ROOT_TWO_PI;
            return Math.max(0, (best - mean) * cumulative(z) + deviation * density);
        }

        /// Normal distribution function, absolute error below 1e-7: Abramowitz and Stegun, 26.2.17.
        static double cumulative(double z) {
            var t = 1 / (1 + 0.2316419 * Math.abs(z));
            var series =
                    t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
            var upper = Math.exp(-z * z / 2) / ROOT_TWO_PI * series;
            return z >= 0 ? 1 - upper : upper;
        }
    }

    private GaussianProcess(
            double[][] points,
            double length,
            double[][] factor,
            double[] weights,
            double mean,
            double deviation,
            double spread) {
        this.points = points;
        this.length = length;
        this.factor = factor;
        this.weights = weights;
        this.mean = mean;
        this.deviation = deviation;
        this.spread = spread;
    }

    /// Fits values at points.
    ///
    /// @param points `[n][d]`
    /// @param values `[n]`, finite
    public static GaussianProcess fit(List<double[]> points, List<Double> values) {
        var x = points.toArray(double[][]::new);
        var mean = values.stream().mapToDouble(Double::doubleValue).average().orElse(0);
        var variance = values.stream()
                .mapToDouble(value -> (value - mean) * (value - mean))
                .average()
                .orElse(0);
        var deviation = variance > 0 ? Math.sqrt(variance) : 1;
        var y = values.stream().mapToDouble(value -> (value - mean) / deviation).toArray();
        var best = (GaussianProcess) null;
        var likelihood = Double.NEGATIVE_INFINITY;
        for (var length : LENGTHS) {
            for (var noise : NOISES) {
                var factor = cholesky(gram(x, length * Math.sqrt(x[0].length), noise));
                var half = forward(factor, y);
                var amplitude = amplitude(half);
                var here = logLikelihood(factor, amplitude);
                if (best == null || here > likelihood) {
                    likelihood = here;
                    best = new GaussianProcess(
                            x,
                            length * Math.sqrt(x[0].length),
                            factor,
                            backward(factor, half),
                            mean,
                            deviation,
                            Math.sqrt(amplitude));
                }
            }
        }
        if (best == null) {
            throw new IllegalStateException("the grid of length scales is empty");
        }
        return best;
    }

    /// What the fitted process believes of a point `[d]`.
    public Belief at(double[] point) {
        var near = new double[points.length];
        var expected = 0.0;
        for (var i = 0; i < near.length; i++) {
            near[i] = kernel(point, points[i], length);
            expected += near[i] * weights[i];
        }
        var explained = 0.0;
        for (var value : forward(factor, near)) {
            explained += value * value;
        }
        return new Belief(mean + deviation * expected, deviation * spread * Math.sqrt(Math.max(0, 1 - explained)));
    }

    private static double[][] gram(double[][] x, double length, double noise) {
        var gram = new double[x.length][x.length];
        for (var i = 0; i < x.length; i++) {
            for (var j = 0; j <= i; j++) {
                gram[i][j] = kernel(x[i], x[j], length);
            }
            gram[i][i] += noise;
        }
        return gram;
    }

    private static double kernel(double[] x, double[] y, double length) {
        var squared = 0.0;
        for (var i = 0; i < x.length; i++) {
            squared += (x[i] - y[i]) * (x[i] - y[i]);
        }
        var a = Math.sqrt(5 * squared) / length;
        return (1 + a + a * a / 3) * Math.exp(-a);
    }

    /// Variance of the kernel; above zero even where all values are equal.
    private static double amplitude(double[] half) {
        var sum = 0.0;
        for (var value : half) {
            sum += value * value;
        }
        return Math.max(SMALLEST, sum / half.length);
    }

    private static double logLikelihood(double[][] factor, double amplitude) {
        var sum = -factor.length * Math.log(amplitude) / 2;
        for (var i = 0; i < factor.length; i++) {
            sum -= Math.log(factor[i][i]);
        }
        return sum;
    }

    /// Lower Cholesky factor of a symmetric matrix, of which the lower half is read.
    private static double[][] cholesky(double[][] a) {
        var l = new double[a.length][a.length];
        for (var i = 0; i < a.length; i++) {
            for (var j = 0; j <= i; j++) {
                var sum = a[i][j];
                for (var p = 0; p < j; p++) {
                    sum -= l[i][p] * l[j][p];
                }
                if (i == j && !(sum > 0)) {
                    throw new NumericalException(
                            NumericalException.Kind.NOT_PSD,
                            "Gaussian process",
                            "pivot " + i + " of its kernel matrix is " + sum + "; values or points are not finite");
                }
                l[i][j] = i == j ? Math.sqrt(sum) : sum / l[j][j];
            }
        }
        return l;
    }

    private static double[] forward(double[][] l, double[] b) {
        var x = new double[b.length];
        for (var i = 0; i < b.length; i++) {
            var sum = b[i];
            for (var j = 0; j < i; j++) {
                sum -= l[i][j] * x[j];
            }
            x[i] = sum / l[i][i];
        }
        return x;
    }

    private static double[] backward(double[][] l, double[] b) {
        var x = new double[b.length];
        for (var i = b.length - 1; i >= 0; i--) {
            var sum = b[i];
            for (var j = i + 1; j < b.length; j++) {
                sum -= l[j][i] * x[j];
            }
            x[i] = sum / l[i][i];
        }
        return x;
    }
}
