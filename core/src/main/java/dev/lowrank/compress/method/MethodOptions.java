package dev.lowrank.compress.method;

/// The knobs that methods have; each method reads its own.
///
/// @param alpha ASVD's exponent on the activation scale; 0.5 as its paper recommends
/// @param shrinkage of kfac-svd: how far the output metric is drawn towards the identity
/// @param centred whether LoRD subtracts the mean and stores an output bias, as published
/// @param ridge of modegpt: `λ` of its leverages, as a share of the mean diagonal
/// @param sharedBlocks of basis-sharing: neighbouring blocks that share; 2 as in its paper
public record MethodOptions(double alpha, boolean centred, double shrinkage, double ridge, int sharedBlocks) {
    /// Published defaults.
    public static final MethodOptions DEFAULT = new MethodOptions(0.5, true, 0.5);

    /// The knobs of single linears, others as published.
    public MethodOptions(double alpha, boolean centred, double shrinkage) {
        this(alpha, centred, shrinkage, 1e-2, 2);
    }

    public MethodOptions {
        if (!(alpha >= 0 && alpha <= 2)) {
            throw new IllegalArgumentException("alpha must be between 0 and 2, but was " + alpha);
        }
    }
}
