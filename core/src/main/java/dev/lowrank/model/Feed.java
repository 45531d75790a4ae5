package dev.lowrank.model;

/// The four activations inside a block that feed linears. Sites with the same feed see the same input, so
/// they share one Gram matrix (q, k, v; gate, up).
public enum Feed {
    /// Output of the norm before attention, `[tokens, hidden]`.
    ATTENTION_INPUT,
    /// Concatenated head outputs, `[tokens, heads * headDim]`.
    ATTENTION_OUTPUT,
    /// Output of the norm before the MLP, `[tokens, hidden]`.
    MLP_INPUT,
    /// Activated (and gated) hidden state of the MLP, `[tokens, intermediate]`.
    MLP_HIDDEN
}
