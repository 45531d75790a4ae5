package dev.lowrank.generate;

import dev.lowrank.text.Tokenizer;

/// One choice that is being continued.
final class Row implements AutoCloseable {
    private final Job job;
    private final int choice;
    private final SequenceCache cache;
    private final TokenChooser chooser;
    private final ChoiceText text;
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

    TokenChooser chooser() {
        return chooser;
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

    /// A token was chosen, which is fed next.
    ///
    /// @return tokens chosen so far
    int chose(int token) {
        pending = token;
        count++;
        return count;
    }

    @Override
    public void close() {
        cache.close();
    }
}
