package dev.lowrank.compress.allocate;

/// What an allocator must be told of the sites.
public enum Sensitivity {
    /// Singular values in the method's metric: [Evidence#singular()].
    SPECTRUM("spectrum"),
    /// Estimated KL divergence at the logits for every rank: [Evidence#divergence()].
    DIVERGENCE("estimate"),
    /// First-order loss change of dropping each component: [Evidence#firstOrder()].
    FIRST_ORDER("first-order"),
    /// How much the site's layer changes the residual stream: [Evidence#blockInfluence()].
    BLOCK_INFLUENCE("influence"),
    /// Validation loss of whole candidates: [TrialLoss].
    TRIAL_LOSS("trial");

    private final String id;

    Sensitivity(String id) {
        this.id = id;
    }

    /// Name on the command line.
    public String id() {
        return id;
    }
}
