package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Shrinkage;
import org.jspecify.annotations.Nullable;

/// The knobs that methods have; each method reads its own.
///
/// @param alpha ASVD's exponent on the activation scale; 0.5 as its paper recommends
/// @param centred of the methods that look at inputs: whether the mean input is given back by an output
///     bias; null as published, which is so for LoRD alone
/// @param shrinkage of kfac-svd: how far the output metric is drawn towards the identity
/// @param inputShrinkage of lord, svd-llm and kfac-svd: how far the input metric is drawn towards the
///     identity
/// @param ridge of modegpt: `λ` of its leverages, as a share of the mean diagonal
/// @param sharedBlocks of basis-sharing: neighbouring blocks that share; 2 as in its paper
public record MethodOptions(
        double alpha,
        @Nullable Boolean centred,
        double shrinkage,
        Shrinkage inputShrinkage,
        double ridge,
        int sharedBlocks) {
    /// Published defaults; with few tokens metrics are shrunk, which the papers do not (see
    /// docs/decisions/0017-shrinkage.md).
    public static final MethodOptions DEFAULT = new MethodOptions(0.5, null, 0.5, Shrinkage.ESTIMATED, 1e-2, 2);

    public MethodOptions {
        if (!(alpha >= 0 && alpha <= 2)) {
            throw new IllegalArgumentException("alpha must be between 0 and 2, but was " + alpha);
        }
    }

    /// With the mean given back by a bias, or not.
    public MethodOptions withCentred(boolean given) {
        return new MethodOptions(alpha, given, shrinkage, inputShrinkage, ridge, sharedBlocks);
    }

    /// With another shrinkage of the input metric.
    public MethodOptions withInputShrinkage(Shrinkage other) {
        return new MethodOptions(alpha, centred, shrinkage, other, ridge, sharedBlocks);
    }

    /// Whether the mean is given back by a bias.
    ///
    /// @param published what the method's paper does
    boolean centredOr(boolean published) {
        return centred == null ? published : centred;
    }
}
