package dev.lowrank.evaluate.likelihood;

/// A request in tokens, without its last: nothing follows that one.
///
/// @param input what the model reads
/// @param targets the continuation's tokens; the last is predicted at the end of the input
/// @param truncated tokens of the context that did not fit into the model's window
record EncodedRequest(int[] input, int[] targets, int truncated) {
    /// Where in the input the first target is predicted.
    int firstRow() {
        return input.length - targets.length;
    }
}
