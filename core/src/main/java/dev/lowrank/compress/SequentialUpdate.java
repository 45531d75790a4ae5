package dev.lowrank.compress;

/// How sites are made to fit the inputs that they really see once what comes before them is cut.
///
/// Going through the model in order, with `x` the input of a site in the whole model and `x'` its input in
/// the model compressed so far, the weight is first replaced by the ridge regression of
/// `α W x + (1 − α) W x'` on `x'`, `W̃ = W + α W (C − H) (H + λ I)⁻¹` with `H = Σ x' x'ᵀ` and `C = Σ x
/// x'ᵀ`, and then cut in the metric `H`: together a reduced-rank regression. Sites that stay dense are
/// refitted, too, which costs no bytes.
///
/// Source: AA-SVD's objective for α = 1 (compression.md, 3.11). Deviation: `α` below 1. At α = 1 the fit
/// leans on errors that are particular to the calibration text and does harm on other text (decision 13).
///
/// @param alpha share of the whole model's outputs in the target, in [0, 1]
/// @param ridge `λ` as a share of the mean diagonal of `H`
/// @param windows the most calibration windows that run through both models; [#ALL] for every one
public record SequentialUpdate(double alpha, double ridge, int windows) {
    /// No bound on the calibration windows.
    public static final int ALL = Integer.MAX_VALUE;

    /// What generalised best on held-out text of SmolLM2-135M.
    public static final SequentialUpdate DEFAULT = new SequentialUpdate(0.3, 3e-3, ALL);

    /// The same with another share; with 0 nothing is fitted, and sites are only cut in the metric of what
    /// they see.
    public SequentialUpdate fitting(double share) {
        return new SequentialUpdate(share, ridge, windows);
    }

    public SequentialUpdate {
        if (!(alpha >= 0 && alpha <= 1)) {
            throw new IllegalArgumentException("--update-alpha is between 0 and 1, but was " + alpha);
        }
        if (!(ridge > 0)) {
            throw new IllegalArgumentException("The ridge of a sequential update must be above 0, but was " + ridge);
        }
        if (windows < 1) {
            throw new IllegalArgumentException(
                    "A sequential update needs at least one window, but was given " + windows);
        }
    }
}
