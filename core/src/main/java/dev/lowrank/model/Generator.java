package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.text.TextStream;
import dev.lowrank.text.Tokenizer;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// Continues texts: a prefill engine reads the prompt, the row decoder goes on token by token, both over
/// one cache.
///
/// Decoder, prefill and tokenizer are borrowed. It belongs to one thread at a time.
public final class Generator {
    private final TokenSource source;
    private final Tokenizer tokenizer;

    private Generator(TokenSource source, Tokenizer tokenizer) {
        this.source = source;
        this.tokenizer = tokenizer;
    }

    /// A generator with tokens from anywhere.
    ///
    /// @param source borrowed
    public static Generator of(TokenSource source, Tokenizer tokenizer) {
        return new Generator(source, tokenizer);
    }

    /// A generator whose prompts are read by another engine.
    public static Generator of(RowDecoder decoder, Prefill prefill, Tokenizer tokenizer) {
        return of(new StepSource(decoder, prefill), tokenizer);
    }

    /// A generator that needs no other engine: prompts are read token by token.
    public static Generator of(RowDecoder decoder, Tokenizer tokenizer) {
        return of(decoder, decoder, tokenizer);
    }

    /// One text to continue.
    ///
    /// @param prompt token ids, special ones included; at least one
    /// @param maxTokens most tokens to add, at least 1; fewer where the model's context ends
    /// @param sampling how tokens are chosen
    /// @param stop says after each token whether to end there; the token's text is still given out
    /// @param onText gets the text piece by piece, never a broken code point
    public record Request(
            int[] prompt, int maxTokens, SamplingOptions sampling, IntPredicate stop, Consumer<String> onText) {
        public Request {
            if (prompt.length == 0) {
                throw new IllegalArgumentException("The prompt has no tokens; give it some text");
            }
            if (maxTokens < 1) {
                throw new IllegalArgumentException("At least 1 new token must be asked for, not " + maxTokens);
            }
            prompt = prompt.clone();
        }

        /// A request that only the model or the limit ends, and whose text is read from the result.
        public Request(int[] prompt, int maxTokens, SamplingOptions sampling) {
            this(prompt, maxTokens, sampling, _ -> false, _ -> {});
        }

        @Override
        public int[] prompt() {
            return prompt.clone();
        }
    }

    /// Continues a text with a cache of its own, in F32.
    ///
    /// @throws IllegalArgumentException if the prompt fills the model's context
    public Generation generate(Request request) {
        try (var cache = TextCache.of(source.spec(), DType.F32)) {
            return generate(request, cache);
        }
    }

    /// Continues a text over what is left of an earlier one: of the prompt only the tokens from the first
    /// difference on are read.
    ///
    /// @param cache of the same model; holds the text and its continuation afterwards
    /// @throws IllegalArgumentException if the prompt fills the model's context
    public Generation generate(Request request, TextCache cache) {
        var spec = source.spec();
        var prompt = request.prompt();
        if (prompt.length >= spec.maxPositions()) {
            throw new IllegalArgumentException("The prompt has " + prompt.length + " tokens, the model's context "
                    + spec.maxPositions() + "; shorten it to leave room for an answer");
        }
        var capacity = Math.min((long) prompt.length + request.maxTokens(), spec.maxPositions());
        return run(request, prompt, cache, cache.ready(prompt, (int) capacity), (int) capacity);
    }

    private Generation run(Request request, int[] prompt, TextCache text, KvCache cache, int capacity) {
        var sampler = Sampler.of(request.sampling(), tokenizer.vocabularySize());
        sampler.see(prompt);
        var output = new Output(request.onText());
        var ends = tokenizer.endOfText();
        var start = System.nanoTime();
        var tokens = source.begin(prompt, cache, capacity, sampler);
        var token = tokens.first();
        var first = System.nanoTime();
        var last = first;
        var count = 1;
        var reason = output.accept(token, count, request, ends);
        while (reason == null) {
            if (!tokens.hasRoom()) {
                reason = Generation.Stop.CONTEXT;
                break;
            }
            text.append(token);
            token = tokens.next();
            last = System.nanoTime();
            count++;
            reason = output.accept(token, count, request, ends);
        }
        return new Generation(
                output.finish(), prompt.length, count, reason, (first - start) * 1e-9, (last - first) * 1e-9);
    }

    /// The text so far; an end-of-text token is not part of it.
    private final class Output {
        private final TextStream stream = tokenizer.stream();
        private final StringBuilder text = new StringBuilder();
        private final Consumer<String> listener;

        Output(Consumer<String> listener) {
            this.listener = listener;
        }

        Generation.@Nullable Stop accept(int token, int count, Request request, Set<Integer> ends) {
            if (ends.contains(token)) {
                return Generation.Stop.END_OF_TEXT;
            }
            emit(stream.accept(token));
            if (request.stop().test(token)) {
                return Generation.Stop.CALLER;
            }
            return count == request.maxTokens() ? Generation.Stop.MAX_TOKENS : null;
        }

        String finish() {
            emit(stream.finish());
            return text.toString();
        }

        private void emit(String piece) {
            if (!piece.isEmpty()) {
                text.append(piece);
                listener.accept(piece);
            }
        }
    }
}
