package dev.lowrank.compress.method;

/// The knobs that methods have; each method reads its own.
///
/// @param alpha ASVD's exponent on the activation scale; 0.5 as its paper recommends
/// @param shrinkage of kfac-svd: how far the output metric is drawn towards the identity
/// @param centred whether LoRD subtracts the mean and stores an output bias, as published
public record MethodOptions(double alpha, boolean centred, double shrinkage) {
    /// Published defaults.
    public static final MethodOptions DEFAULT = new MethodOptions(0.5, true, 0.5);

    public MethodOptions {
        if (!(alpha >= 0 && alpha <= 2)) {
            throw new IllegalArgumentException("alpha must be between 0 and 2, but was " + alpha);
        }
    }
}
