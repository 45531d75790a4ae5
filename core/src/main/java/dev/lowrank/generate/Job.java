package dev.lowrank.generate;

import dev.lowrank.generate.GenerationEvent.Completed;
import dev.lowrank.generate.GenerationEvent.Failed;
import dev.lowrank.generate.GenerationEvent.Finish;
import dev.lowrank.generate.GenerationEvent.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// One request on its way through the engine.
final class Job {
    private final GenerationRequest request;
    private final int[] prompt;
    private final Consumer<GenerationEvent> listener;
    private final Ticket ticket;
    private final long submitted = System.nanoTime();
    private final List<TokenScore> promptScores = new ArrayList<>();
    private @Nullable SequenceCache cache;
    private long started;
    private long firstToken;
    private long lastToken;
    private int cachedTokens;
    private int newTokens;
    private int openChoices;
    private long reserved;

    Job(GenerationRequest request, Consumer<GenerationEvent> listener, Ticket ticket) {
        this.request = request;
        this.prompt = request.prompt();
        this.listener = listener;
        this.ticket = ticket;
        this.openChoices = request.choices();
    }

    GenerationRequest request() {
        return request;
    }

    Ticket ticket() {
        return ticket;
    }

    /// The prompt's tokens, not a copy.
    int[] prompt() {
        return prompt;
    }

    List<TokenScore> promptScores() {
        return promptScores;
    }

    boolean isCancelled() {
        return ticket.isCancelled();
    }

    /// It joins.
    ///
    /// @param newCache holds the beginning of the prompt
    void start(SequenceCache newCache) {
        cache = newCache;
        started = System.nanoTime();
        cachedTokens = newCache.length();
        newCache.note(0, prompt);
    }

    /// Memory was set aside for it.
    void reserve(long bytes) {
        reserved = bytes;
    }

    /// Bytes set aside for it.
    long reserved() {
        return reserved;
    }

    /// The prompt's cache while it is being read.
    SequenceCache cache() {
        var current = cache;
        if (current == null) {
            throw new IllegalStateException("The request has no cache: it has not joined or was read");
        }
        return current;
    }

    /// The prompt's cache becomes a choice's.
    @Nullable
    SequenceCache handOver() {
        var current = cache;
        cache = null;
        return current;
    }

    /// A choice has a new token.
    void countToken() {
        lastToken = System.nanoTime();
        if (newTokens == 0) {
            firstToken = lastToken;
        }
        newTokens++;
    }

    void tell(GenerationEvent event) {
        if (!isCancelled()) {
            listener.accept(event);
        }
    }

    /// A choice ended.
    ///
    /// @return whether it was the last one
    boolean end(int choice, Finish finish) {
        tell(new GenerationEvent.Ended(choice, finish));
        openChoices--;
        return openChoices == 0;
    }

    void complete() {
        var now = System.nanoTime();
        var first = newTokens == 0 ? now : firstToken;
        tell(new Completed(new Usage(
                prompt.length,
                cachedTokens,
                newTokens,
                (started - submitted) * 1e-9,
                (first - started) * 1e-9,
                newTokens == 0 ? 0 : (lastToken - first) * 1e-9)));
    }

    void fail(GenerationException cause) {
        tell(new Failed(cause));
    }
}
