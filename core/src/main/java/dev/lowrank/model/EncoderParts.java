package dev.lowrank.model;

import java.util.List;
import java.util.Optional;

/// What stands around the blocks of an encoder, by checkpoint names without suffix: embeddings that say
/// which segment a token belongs to, their norm, and the heads that the checkpoint has.
///
/// @param segments table added to the token embedding, `[segmentCount, hidden]`
/// @param segmentCount its rows
/// @param embeddingNorm norm of the summed embeddings
/// @param pooler `tanh` of this linear over the first position, `[hidden, hidden]`
/// @param masked scores tokens at every position
/// @param classifier scores labels from what the pooler gives
public record EncoderParts(
        String segments,
        int segmentCount,
        String embeddingNorm,
        Optional<String> pooler,
        Optional<MaskedHead> masked,
        Optional<Classifier> classifier) {

    /// `norm(activation(transform(h))) tableᵀ + bias`.
    ///
    /// @param transform linear `[hidden, hidden]`
    /// @param norm norm after it
    /// @param table `[vocab, hidden]`; the same name as the embedding when tied
    /// @param bias full name of the tensor, `[vocab]`
    public record MaskedHead(String transform, String norm, String table, String bias) {}

    /// A linear over the pooled text.
    ///
    /// @param linear `[labels, hidden]`
    /// @param labels names of its rows, in order
    public record Classifier(String linear, List<String> labels) {
        public Classifier {
            labels = List.copyOf(labels);
        }
    }
}
