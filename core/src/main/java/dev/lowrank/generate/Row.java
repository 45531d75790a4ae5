package dev.lowrank.generate;

import dev.lowrank.text.Tokenizer;
import org.jspecify.annotations.Nullable;

/// One choice that is being continued.
final class Row implements AutoCloseable {
    private final Job job;
    private final int choice;
    private final SequenceCache cache;
    private final TokenChooser chooser;
    private final ChoiceText text;
    private int chosen;
    private @Nullable Throwable failure;
    private int pending;
    private int count;

    /// @param cache holds the prompt, or all of it but what is left to feed
    Row(Job job, int choice, SequenceCache cache, Tokenizer tokenizer) {
        this.job = job;
        this.choice = choice;
        this.cache = cache;
        chooser = new TokenChooser(job.request(), choice, tokenizer);
        text = new ChoiceText(tokenizer.stream(), job.request().stops());
    }

    Job job() {
        return job;
    }

    int choice() {
        return choice;
    }

    SequenceCache cache() {
        return cache;
    }

    /// Chooses the next token. May run while other rows choose; a failure is kept for [#chosen].
    void choose(float[] logits) {
        try {
            chosen = chooser.next(logits);
            failure = null;
        } catch (RuntimeException | Error problem) {
            failure = problem;
        }
    }

    /// The token that was chosen last, which is fed next.
    ///
    /// @throws RuntimeException what choosing failed with
    int chosen() {
        switch (failure) {
            case null -> {}
            case RuntimeException exception -> throw exception;
            case Error error -> throw error;
            default -> throw new IllegalStateException(failure);
        }
        pending = chosen;
        count++;
        return chosen;
    }

    /// Tokens chosen so far.
    int count() {
        return count;
    }

    /// Whether nothing is left to say.
    boolean exhausted() {
        return chooser.exhausted();
    }

    ChoiceText text() {
        return text;
    }

    /// The token that is fed next.
    int feed() {
        return readsPrompt() ? job.prompt()[cache.length()] : pending;
    }

    /// Whether the prompt is not yet in the cache.
    boolean readsPrompt() {
        return cache.length() < job.prompt().length;
    }

    @Override
    public void close() {
        cache.close();
    }
}
