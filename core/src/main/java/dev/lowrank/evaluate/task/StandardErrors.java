package dev.lowrank.evaluate.task;

import java.util.Arrays;
import java.util.List;

/// How far a figure would spread over other documents of the same kind, by the rules of
/// lm-evaluation-harness.
final class StandardErrors {
    private static final int RESAMPLES = 100_000;
    private static final int CHUNK = 1000;

    private StandardErrors() {}

    /// Of a mean: the sample's standard deviation over the root of its size.
    ///
    /// @return NaN for fewer than two values
    static double ofMean(double[] values) {
        return deviation(values) / Math.sqrt(values.length);
    }

    /// Of a mean over groups, each a sample of its own: the pooled variance.
    static double ofGroups(List<double[]> groups) {
        if (groups.size() == 1) {
            return ofMean(groups.getFirst());
        }
        var sum = 0.0;
        var documents = 0;
        for (var group : groups) {
            var error = ofMean(group);
            sum += (group.length - 1.0) * error * error * group.length;
            documents += group.length;
        }
        return Math.sqrt(sum / (documents - groups.size()) / documents);
    }

    /// Of `exp(−mean)`, by resampling documents 100,000 times with the harness's seeds.
    static double ofPerplexity(double[] logLikelihoods) {
        var results = new double[RESAMPLES];
        var n = logLikelihoods.length;
        for (var i = 0; i < RESAMPLES; i += CHUNK) {
            var random = new PythonRandom(i / CHUNK);
            for (var j = 0; j < CHUNK; j++) {
                var sum = 0.0;
                for (var k = 0; k < n; k++) {
                    sum += logLikelihoods[(int) Math.floor(random.real() * n)];
                }
                results[i + j] = Math.exp(-sum / n);
            }
        }
        return deviation(results);
    }

    private static double deviation(double[] values) {
        var mean = Arrays.stream(values).sum() / values.length;
        var squares = Arrays.stream(values)
                .map(value -> (value - mean) * (value - mean))
                .sum();
        return Math.sqrt(squares / (values.length - 1));
    }
}
