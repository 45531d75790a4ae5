package dev.lowrank.model;

/// The four activations inside a block that feed linears. Sites with the same feed see the same input, so
/// they share one Gram matrix (q, k, v; gate, up).
public enum Feed {
    /// What attention reads: the residual stream, normed where the norm stands first, `[tokens, hidden]`.
    ATTENTION_INPUT,
    /// Concatenated head outputs, `[tokens, heads * headDim]`.
    ATTENTION_OUTPUT,
    /// What the MLP reads, likewise, `[tokens, hidden]`.
    MLP_INPUT,
    /// Activated (and gated) hidden state of the MLP, `[tokens, intermediate]`.
    MLP_HIDDEN
}
