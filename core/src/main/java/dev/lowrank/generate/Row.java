package dev.lowrank.generate;

import dev.lowrank.text.Tokenizer;
import java.util.function.IntSupplier;

/// One choice that is being continued.
final class Row implements AutoCloseable {
    private final Job job;
    private final int choice;
    private final SequenceCache cache;
    private final TokenChooser chooser;
    private final ChoiceText text;
    private IntSupplier chosen = Row::nothing;
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

    /// Chooses the next token. May run while other rows choose; what fails then is thrown by [#takeChosen].
    void choose(float[] logits) {
        try {
            var token = chooser.next(logits);
            chosen = () -> token;
        } catch (RuntimeException | Error failure) {
            chosen = () -> {
                throw failure;
            };
        }
    }

    /// Takes the token that was chosen: it is counted, and fed next.
    ///
    /// @throws RuntimeException what choosing failed with
    int takeChosen() {
        pending = chosen.getAsInt();
        chosen = Row::nothing;
        count++;
        return pending;
    }

    private static int nothing() {
        throw new IllegalStateException("No token was chosen");
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
