package dev.lowrank.model;

/// Where a generator gets its tokens from: a decoder, or a decoder that is helped.
public interface TokenSource {
    /// The model that decides.
    DecoderSpec spec();

    /// Begins a text.
    ///
    /// @param prompt token ids, more than the cache holds
    /// @param cache holds the keys and values of the prompt's first tokens; it is extended
    /// @param capacity positions that the text may take, at most as many as the cache has
    /// @param sampler for this text alone
    Text begin(int[] prompt, KvCache cache, int capacity, Sampler sampler);

    /// One text, token by token.
    interface Text {
        /// The token after the prompt; called once, before [#next].
        int first();

        /// Whether there is a position for the token chosen last.
        boolean hasRoom();

        /// The token after the one chosen last.
        int next();
    }
}
