package dev.lowrank.generate;

import java.util.BitSet;

/// What one request's next token may be, kept up to date token by token: a grammar or a schema seen from
/// the sampler. One object serves one choice of one request; one thread calls it at a time, not always the
/// same. Those of different choices run side by side: what they share must bear that.
public interface TokenConstraint {
    /// Fills with true what may come next; false if only the end may.
    ///
    /// @param tokens as many bits as the vocabulary has tokens; what it holds is overwritten. Tokens that
    ///     end
    ///     the text are the caller's: it allows them exactly when [#complete()]
    void allowed(BitSet tokens);

    /// Moves past a token that [#allowed] had allowed.
    ///
    /// @throws IllegalArgumentException if the token was not allowed
    void accept(int token);

    /// Whether the text may end here.
    boolean complete();
}
