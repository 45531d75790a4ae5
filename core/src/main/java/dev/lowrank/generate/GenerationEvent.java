package dev.lowrank.generate;

import java.util.List;

/// What becomes of a request, in order: the prompt's scores where they were asked for, pieces of text, the
/// end of each choice, and last either [Completed] or [Failed]. After a cancellation nothing comes any
/// more.
public sealed interface GenerationEvent {
    /// The prompt was scored.
    ///
    /// @param tokens of the second to the last token of the prompt
    record PromptScored(List<TokenScore> tokens) implements GenerationEvent {
        public PromptScored {
            tokens = List.copyOf(tokens);
        }
    }

    /// A choice goes on.
    ///
    /// @param choice from 0
    /// @param text never ends inside a code point; may be empty where scores are told
    /// @param tokens scores of the tokens that begin in this text; empty where they were not asked for
    record Piece(int choice, String text, List<TokenScore> tokens) implements GenerationEvent {
        public Piece {
            tokens = List.copyOf(tokens);
        }
    }

    /// A choice ended.
    record Ended(int choice, Finish finish) implements GenerationEvent {}

    /// All choices ended.
    record Completed(Usage usage) implements GenerationEvent {}

    /// The request failed, alone.
    record Failed(GenerationException cause) implements GenerationEvent {}

    /// Why a choice ended.
    enum Finish {
        /// The model or the constraint said so.
        END_OF_TEXT,
        /// A text that ends it.
        STOP,
        /// As many tokens as were asked for.
        MAX_TOKENS
    }

    /// What a request took.
    ///
    /// @param promptTokens tokens of the prompt
    /// @param cachedTokens those of them that needed no reading
    /// @param newTokens tokens of all choices, those that end a text included
    /// @param queuedSeconds until it joined
    /// @param promptSeconds from then to the first token
    /// @param decodeSeconds from the first token to the last
    record Usage(
            int promptTokens,
            int cachedTokens,
            int newTokens,
            double queuedSeconds,
            double promptSeconds,
            double decodeSeconds) {}
}
