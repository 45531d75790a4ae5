package dev.lowrank.compress.allocate;

/// What an allocator must be told of the sites.
public enum Sensitivity {
    /// Singular values in the method's metric: [Evidence#singular()].
    SPECTRUM,
    /// Estimated KL divergence at the logits for every rank: [Evidence#divergence()].
    DIVERGENCE,
    /// First-order loss change of dropping each component: [Evidence#firstOrder()].
    FIRST_ORDER,
    /// How much the site's layer changes the residual stream: [Evidence#blockInfluence()].
    BLOCK_INFLUENCE,
    /// Validation loss of whole candidates: [TrialLoss].
    TRIAL_LOSS
}
