package dev.lowrank.evaluate.likelihood;

/// A text whose likelihood after another is wanted.
///
/// @param context what stands before; may be empty
/// @param continuation what is judged; not empty
public record LogLikelihoodRequest(String context, String continuation) {
    public LogLikelihoodRequest {
        if (continuation.isEmpty()) {
            throw new IllegalArgumentException("A continuation needs at least one character");
        }
    }
}
