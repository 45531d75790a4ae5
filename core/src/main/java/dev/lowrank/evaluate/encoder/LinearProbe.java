package dev.lowrank.evaluate.encoder;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Linalg.Side;
import dev.lowrank.tensor.Linalg.Transposition;
import dev.lowrank.tensor.Linalg.Triangle;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.Arrays;
import java.util.stream.IntStream;

/// Logistic regression over frozen features: what a linear reader can tell from an encoder's vectors.
/// Features are shifted and scaled to mean 0 and variance 1, the weights (not the offset) shrunk by a ridge
/// that five folds choose (example `i` in fold `i mod 5`) by their summed log loss; each fit is Newton's
/// method in F64 to its end. Nothing is random.
public final class LinearProbe {
    /// Ridges that are tried, per example.
    private static final double[] RIDGES = {0.3, 0.1, 0.03, 0.01, 0.003};

    private static final int FOLDS = 5;
    private static final int MOST_STEPS = 50;
    private static final double CONVERGED = 1e-8;
    private static final double LEAST_DEVIATION = 1e-12;

    private final double[] means;
    private final double[] deviations;
    private final double[] weights;
    private final double ridge;

    private LinearProbe(double[] means, double[] deviations, double[] weights, double ridge) {
        this.means = means;
        this.deviations = deviations;
        this.weights = weights;
        this.ridge = ridge;
    }

    /// Fits a probe.
    ///
    /// @param features one row an example, `[examples][width]`; at least ten
    /// @param labels 0 or 1, both among them
    /// @throws NumericalException if the features are not finite
    public static LinearProbe fit(double[][] features, int[] labels) {
        var positive = Arrays.stream(labels).sum();
        if (features.length < 2 * FOLDS || positive == 0 || positive == labels.length) {
            throw new IllegalArgumentException("A probe needs at least " + 2 * FOLDS
                    + " examples with both labels; found " + features.length + ", of them " + positive + " of label 1");
        }
        return TensorScope.tidy(() -> {
            var means = means(features);
            var deviations = deviations(features, means);
            var rows = standard(features, means, deviations);
            var best = RIDGES[0];
            var least = Double.POSITIVE_INFINITY;
            for (var each : RIDGES) {
                var loss = heldOut(rows, labels, each);
                if (loss < least) {
                    least = loss;
                    best = each;
                }
            }
            return new LinearProbe(means, deviations, newton(rows, labels, best), best);
        });
    }

    /// The ridge that was chosen, per example.
    public double ridge() {
        return ridge;
    }

    /// Labels of examples.
    ///
    /// @param features `[examples][width]`
    /// @return 0 or 1 for each
    public int[] predict(double[][] features) {
        return Arrays.stream(scores(standard(features, means, deviations), weights))
                .mapToInt(score -> score > 0 ? 1 : 0)
                .toArray();
    }

    private static double heldOut(double[][] rows, int[] labels, double ridge) {
        var losses = new double[FOLDS];
        for (var fold = 0; fold < FOLDS; fold++) {
            var own = fold;
            var seen = IntStream.range(0, rows.length)
                    .filter(i -> i % FOLDS != own)
                    .toArray();
            var hidden = IntStream.range(0, rows.length)
                    .filter(i -> i % FOLDS == own)
                    .toArray();
            var fitted = newton(rows(rows, seen), labels(labels, seen), ridge);
            losses[fold] = loss(scores(rows(rows, hidden), fitted), labels(labels, hidden));
        }
        return Arrays.stream(losses).sum();
    }

    /// Minimises the log loss with its ridge.
    ///
    /// @param rows with a last column of ones
    private static double[] newton(double[][] rows, int[] labels, double ridge) {
        return TensorScope.tidy(() -> {
            var width = rows[0].length;
            var x = matrix(rows);
            var weights = new double[width];
            var objective = objective(scores(rows, weights), labels, weights, ridge);
            for (var step = 0; step < MOST_STEPS; step++) {
                var current = weights;
                var direction = TensorScope.tidy(() -> direction(x, rows, labels, current, ridge));
                var next = objective;
                var moved = weights;
                for (var length = 1.0; length > 1e-6; length /= 2) {
                    moved = moved(weights, direction, length);
                    next = objective(scores(rows, moved), labels, moved, ridge);
                    if (next <= objective) {
                        break;
                    }
                }
                if (!(next < objective - CONVERGED * Math.max(1, objective))) {
                    break;
                }
                weights = moved;
                objective = next;
            }
            return weights;
        });
    }

    /// Newton's step: the gradient divided by the Hessian.
    private static double[] direction(Tensor x, double[][] rows, int[] labels, double[] weights, double ridge) {
        var scores = scores(rows, weights);
        var slope = new double[scores.length];
        var curvature = new double[scores.length];
        for (var i = 0; i < scores.length; i++) {
            var p = 1 / (1 + Math.exp(-scores[i]));
            slope[i] = p - labels[i];
            curvature[i] = Math.max(p * (1 - p), LEAST_DEVIATION);
        }
        var width = weights.length;
        var shrink = new double[width];
        Arrays.fill(shrink, 0, width - 1, ridge * rows.length);
        shrink[width - 1] = LEAST_DEVIATION * rows.length;
        var penalty = Tensors.ofDoubles(shrink, width, 1);
        var gradient = x.t().matmul(Tensors.ofDoubles(slope, slope.length, 1))
                .add(penalty.mul(Tensors.ofDoubles(weights, width, 1)));
        var hessian = x.t().matmul(x.mul(Tensors.ofDoubles(curvature, curvature.length, 1)))
                .add(Tensors.eye(DType.F64, width).mul(penalty));
        return solved(hessian, gradient).toDoubles();
    }

    private static Tensor solved(Tensor hessian, Tensor gradient) {
        var factor = Linalg.choleskyOrNull(hessian);
        if (factor == null) {
            return Linalg.lstsq(hessian, gradient);
        }
        var half = Linalg.solveTriangular(factor, gradient, Triangle.LOWER, Side.LEFT, Transposition.NONE);
        return Linalg.solveTriangular(factor, half, Triangle.LOWER, Side.LEFT, Transposition.TRANSPOSED);
    }

    private static double[] moved(double[] weights, double[] direction, double length) {
        var moved = new double[weights.length];
        Arrays.setAll(moved, i -> weights[i] - length * direction[i]);
        return moved;
    }

    private static double objective(double[] scores, int[] labels, double[] weights, double ridge) {
        var squares = 0.0;
        for (var i = 0; i < weights.length - 1; i++) {
            squares += weights[i] * weights[i];
        }
        return loss(scores, labels) + ridge * scores.length * squares / 2;
    }

    private static double loss(double[] scores, int[] labels) {
        var sum = 0.0;
        for (var i = 0; i < scores.length; i++) {
            var margin = labels[i] == 1 ? scores[i] : -scores[i];
            sum += margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
        }
        return sum;
    }

    private static double[] scores(double[][] rows, double[] weights) {
        var scores = new double[rows.length];
        for (var i = 0; i < rows.length; i++) {
            for (var j = 0; j < weights.length; j++) {
                scores[i] += rows[i][j] * weights[j];
            }
        }
        return scores;
    }

    private static double[] means(double[][] features) {
        var means = new double[features[0].length];
        for (var row : features) {
            for (var j = 0; j < means.length; j++) {
                means[j] += row[j] / features.length;
            }
        }
        return means;
    }

    private static double[] deviations(double[][] features, double[] means) {
        var deviations = new double[means.length];
        for (var row : features) {
            for (var j = 0; j < means.length; j++) {
                deviations[j] += (row[j] - means[j]) * (row[j] - means[j]) / features.length;
            }
        }
        for (var j = 0; j < deviations.length; j++) {
            if (!Double.isFinite(deviations[j])) {
                throw new NumericalException(
                        NumericalException.Kind.NON_FINITE,
                        "feature " + j + " of a probe",
                        "its variance is " + deviations[j] + ", expected a finite number");
            }
            deviations[j] = Math.max(Math.sqrt(deviations[j]), LEAST_DEVIATION);
        }
        return deviations;
    }

    /// Shifted and scaled, with a last column of ones.
    private static double[][] standard(double[][] features, double[] means, double[] deviations) {
        var rows = new double[features.length][means.length + 1];
        for (var i = 0; i < rows.length; i++) {
            for (var j = 0; j < means.length; j++) {
                rows[i][j] = (features[i][j] - means[j]) / deviations[j];
            }
            rows[i][means.length] = 1;
        }
        return rows;
    }

    private static double[][] rows(double[][] all, int[] places) {
        return Arrays.stream(places).mapToObj(place -> all[place]).toArray(double[][]::new);
    }

    private static int[] labels(int[] all, int[] places) {
        return Arrays.stream(places).map(place -> all[place]).toArray();
    }

    private static Tensor matrix(double[][] rows) {
        var flat = new double[rows.length * rows[0].length];
        for (var i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, flat, i * rows[0].length, rows[0].length);
        }
        return Tensors.ofDoubles(flat, rows.length, rows[0].length);
    }
}
