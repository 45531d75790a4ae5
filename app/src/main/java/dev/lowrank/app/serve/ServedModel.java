package dev.lowrank.app.serve;

import dev.lowrank.evaluate.encoder.SentenceEmbedder;
import dev.lowrank.generate.Engine;
import dev.lowrank.generate.EngineOptions;
import dev.lowrank.generate.LoadedModel;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A loaded model: a decoder behind its engine, or an encoder with a thread of its own.
final class ServedModel implements AutoCloseable {
    /// A text of that many letters is made tokens on a thread of the model's, not on one of the few that
    /// serve all connections.
    private static final int LONG_TEXT = 1 << 15;

    private final LanguageModel model;
    private final Tokenizer tokenizer;
    private final ExecutorService thread;
    private final @Nullable Engine engine;
    private final @Nullable SentenceEmbedder embedder;
    private final int context;
    private final int longestToken;
    private final Grammars grammars;

    private ServedModel(
            LanguageModel model, Tokenizer tokenizer, ExecutorService thread, ModelLimits limits, String id) {
        this.model = model;
        this.tokenizer = tokenizer;
        this.thread = thread;
        var spec = model.spec();
        context = Math.min(spec.maxPositions(), limits.context());
        longestToken = longest(tokenizer);
        grammars = new Grammars(tokenizer);
        if (spec.encoder().isPresent()) {
            engine = null;
            embedder = on(thread, () -> SentenceEmbedder.open(model));
        } else {
            embedder = null;
            var options = new EngineOptions(
                    limits.parallel(),
                    limits.queue(),
                    context,
                    LoadedModel.chunk(model),
                    limits.cacheBytes(model),
                    limits.cacheType());
            engine = Engine.start(
                    id,
                    () -> limits.wrap().apply(LoadedModel.of(model, limits.threads(), limits.cacheType())),
                    tokenizer,
                    options);
        }
    }

    /// Loads a model.
    static ServedModel load(String id, Path path, ModelLimits limits) {
        var model = LanguageModel.open(path);
        try {
            return load(id, model, limits);
        } catch (RuntimeException | Error failure) {
            model.close();
            throw failure;
        }
    }

    private static ServedModel load(String id, LanguageModel model, ModelLimits limits) {
        var tokenizer = model.tokenizer();
        var thread = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name("model " + id).factory());
        try {
            return new ServedModel(model, tokenizer, thread, limits, id);
        } catch (CompletionException failure) {
            thread.shutdown();
            tokenizer.close();
            throw failure.getCause() instanceof RuntimeException cause ? cause : failure;
        } catch (RuntimeException | Error failure) {
            thread.shutdown();
            tokenizer.close();
            throw failure;
        }
    }

    private static int longest(Tokenizer tokenizer) {
        var longest = 1;
        for (var id = 0; id < tokenizer.vocabularySize(); id++) {
            longest = Math.max(longest, tokenizer.decode(new int[] {id}).length());
        }
        return longest;
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    /// The forms that answers may be bound to.
    Grammars grammars() {
        return grammars;
    }

    /// Most tokens of a prompt and its continuation.
    int context() {
        return context;
    }

    /// The engine of a decoder.
    ///
    /// @throws ApiException 400 for an encoder
    Engine engine() {
        if (engine == null) {
            throw ApiException.bad("model", "This model is an encoder: it embeds texts and continues none");
        }
        return engine;
    }

    /// @return null for an encoder
    @Nullable
    Engine engineOrNull() {
        return engine;
    }

    /// Makes tokens of a text.
    ///
    /// @param parameter whose value it is
    /// @param letters of the text
    /// @throws ApiException 400 for half a surrogate pair, or for a text that is certainly beyond the
    ///     context
    int[] tokens(String parameter, int letters, Callable<int[]> encode) {
        // Four times, since a normaliser may make it shorter.
        if (letters > 4L * longestToken * context) {
            throw ApiException.tooLong(
                    parameter,
                    "The text has " + letters + " letters, which is more than the context of " + context
                            + " tokens can hold");
        }
        try {
            return letters < LONG_TEXT ? encode.call() : on(thread, encode);
        } catch (IllegalArgumentException broken) {
            throw ApiException.bad(parameter, "The text cannot be read: " + broken.getMessage());
        } catch (RuntimeException failure) {
            throw failure;
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /// Embeds texts on the model's thread.
    ///
    /// @throws ApiException 400 for a decoder
    SentenceEmbedder.Embeddings embed(Function<SentenceEmbedder, SentenceEmbedder.Embeddings> work) {
        var own = embedder;
        if (own == null) {
            throw ApiException.bad(
                    "model",
                    "This model is a decoder, which continues texts; embeddings come from an"
                            + " encoder such as a BERT folder");
        }
        return on(thread, () -> work.apply(own));
    }

    /// Most tokens of a text that is embedded.
    int embeddedTokens() {
        return embedder == null ? 0 : embedder.maxTokens();
    }

    private static <T> T on(ExecutorService thread, Callable<T> work) {
        try {
            return thread.submit(work).get();
        } catch (ExecutionException failure) {
            if (failure.getCause() instanceof Error error) {
                throw error;
            }
            throw failure.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw ApiException.unavailable("shutting_down", "The server is shutting down");
        }
    }

    /// Ends what runs, within a time.
    void close(Duration patience) {
        if (engine != null) {
            engine.close(patience);
        }
        if (embedder != null) {
            on(thread, () -> {
                embedder.close();
                return true;
            });
        }
        thread.close();
        tokenizer.close();
        model.close();
    }

    @Override
    public void close() {
        close(Duration.ZERO);
    }
}
