package dev.lowrank.evaluate.sandbox;

/// The unbiased estimate of pass@k: the chance that at least one of `k` samples of a problem passes, from
/// `n ≥ k` samples of which `c` passed.
///
/// `1 − C(n−c, k) / C(n, k) = 1 − Π_{i=n−c+1..n} (1 − k/i)`, and 1 when fewer than `k` samples failed.
///
/// Source: Chen et al., Evaluating Large Language Models Trained on Code, arXiv:2107.03374, section 2.1.
public final class PassAtK {
    private PassAtK() {}

    /// @param samples `n`, samples of the problem, at least 1
    /// @param passed `c`, how many of them passed, 0 to `n`
    /// @param k how many one may draw, 1 to `n`
    /// @throws IllegalArgumentException when a number is outside these bounds
    public static double estimate(int samples, int passed, int k) {
        if (samples < 1) {
            throw new IllegalArgumentException("pass@k of " + samples + " samples; expected at least 1");
        }
        if (passed < 0 || passed > samples) {
            throw new IllegalArgumentException(
                    "pass@k with " + passed + " of " + samples + " samples passed; expected 0 to " + samples);
        }
        if (k < 1 || k > samples) {
            throw new IllegalArgumentException("pass@" + k + " from " + samples
                    + " samples; expected k from 1 to the number of samples. Draw at least " + k + " samples");
        }
        if (samples - passed < k) {
            return 1;
        }
        var noneOfThem = 1.0;
        for (var i = samples - passed + 1; i <= samples; i++) {
            noneOfThem *= 1 - (double) k / i;
        }
        return 1 - noneOfThem;
    }
}
