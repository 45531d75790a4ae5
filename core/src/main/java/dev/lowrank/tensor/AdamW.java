package dev.lowrank.tensor;

import org.bytedeco.pytorch.Scalar;

/// Adam with decoupled weight decay and bias correction, on one flat vector of parameters.
///
/// `m ← β₁ m + (1 − β₁) g`, `v ← β₂ v + (1 − β₂) g²`,
/// `x ← (1 − lr·decay) x − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps)`, in F32.
///
/// Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, arXiv:1711.05101, algorithm 2, in
/// the order of operations of `torch.optim.AdamW`.
///
/// @param beta1 decay of the mean, in [0, 1)
/// @param beta2 decay of the mean square, in [0, 1)
/// @param epsilon added to the root
/// @param weightDecay share of a parameter that a step of rate 1 takes away
public record AdamW(double beta1, double beta2, double epsilon, double weightDecay) {
    /// Elements that pass through all operations together, so that they stay in cache between them.
    private static final long CHUNK = 1 << 16;

    public AdamW {
        if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
            throw new IllegalArgumentException("Adam's betas lie in [0, 1), but were " + beta1 + " and " + beta2);
        }
        if (!(epsilon > 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException(
                    "Adam needs an epsilon above 0 and a weight decay of at least 0, but they" + " were " + epsilon
                            + " and " + weightDecay);
        }
    }

    /// Takes a step in place. All tensors are F32 `[n]`; the result does not depend on the number of
    /// threads.
    ///
    /// @param parameters moved
    /// @param gradient read
    /// @param mean `m`, zeros before the first step
    /// @param square `v`, zeros before the first step
    /// @param decayed how many parameters from the first on decay; the others (norms, biases) do not
    /// @param step number of this step, from 1
    /// @param rate learning rate
    public void step(
            Tensor parameters, Tensor gradient, Tensor mean, Tensor square, long decayed, long step, double rate) {
        if (step < 1) {
            throw new IllegalArgumentException("Steps count from 1, but this was step " + step);
        }
        var correction = new Correction(
                rate / (1 - Math.pow(beta1, (double) step)),
                1 / Math.sqrt(1 - Math.pow(beta2, (double) step)),
                1 - rate * weightDecay);
        part(parameters, gradient, mean, square, 0, decayed, correction);
        part(
                parameters,
                gradient,
                mean,
                square,
                decayed,
                parameters.elements() - decayed,
                new Correction(correction.rate, correction.root, 1));
    }

    /// @param rate learning rate over `1 − β₁ᵗ`
    /// @param root `1 / √(1 − β₂ᵗ)`
    /// @param shrink what a parameter is multiplied by first
    private record Correction(double rate, double root, double shrink) {}

    private void part(
            Tensor parameters,
            Tensor gradient,
            Tensor mean,
            Tensor square,
            long first,
            long count,
            Correction correction) {
        var chunks = Math.toIntExact((count + CHUNK - 1) / CHUNK);
        Compute.each(chunks, chunk -> {
            var from = first + (long) chunk * CHUNK;
            var length = Math.min(CHUNK, first + count - from);
            Native.run(
                    "adamw",
                    () -> {
                        var x = parameters.handle().narrow(0, from, length);
                        var g = gradient.handle().narrow(0, from, length);
                        var m = mean.handle().narrow(0, from, length);
                        var v = square.handle().narrow(0, from, length);
                        if (correction.shrink != 1) {
                            x.mul_(new Scalar(correction.shrink));
                        }
                        m.lerp_(g, new Scalar(1 - beta1));
                        v.mul_(new Scalar(beta2)).addcmul_(g, g, new Scalar(1 - beta2));
                        var root = v.sqrt().mul_(new Scalar(correction.root)).add_(new Scalar(epsilon));
                        x.addcdiv_(m, root, new Scalar(-correction.rate));
                    },
                    parameters,
                    gradient,
                    mean,
                    square);
        });
    }
}
