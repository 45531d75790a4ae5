package dev.lowrank.generate;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import java.util.List;
import java.util.function.IntConsumer;

/// What an engine computes with. One thread opens, calls and closes it.
public interface BatchModel extends AutoCloseable {
    /// Makes one, on the engine's thread.
    @FunctionalInterface
    interface Opening {
        /// @throws RuntimeException if the model cannot be used; the engine is closed then
        BatchModel open();
    }

    /// Gets the logits of one position; the array is the receiver's until it returns.
    @FunctionalInterface
    interface Logits {
        /// @param position among the tokens given, from 0
        /// @param logits of the token after it, `[vocab]`
        void accept(int position, float[] logits);
    }

    /// What it runs.
    DecoderSpec spec();

    /// One token of each of several sequences.
    ///
    /// @param tokens one for each cache
    /// @param caches not full, no two the same; each is longer by one afterwards
    /// @return logits of each one's next token; overwritten by the next call
    float[][] step(int[] tokens, List<KvCache> caches);

    /// Does independent work on the threads that a step runs on, which have nothing to do between steps.
    ///
    /// @param count pieces of work
    /// @param work given the number of a piece, from 0; must not throw
    void share(int count, IntConsumer work);

    /// Reads tokens of one sequence.
    ///
    /// @param tokens at least one
    /// @param cache longer by them afterwards
    /// @return logits after the last one; overwritten by the next call
    float[] read(int[] tokens, KvCache cache);

    /// Reads tokens of one sequence and tells the logits after each.
    void score(int[] tokens, KvCache cache, Logits logits);

    @Override
    void close();
}
