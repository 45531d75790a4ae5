package dev.lowrank.app;

import dev.lowrank.generate.speculative.Draft;
import dev.lowrank.generate.speculative.Verifier;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.Generator;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TokenSource;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/// A model made ready to write: opened, with its tokenizer and both engines behind one generator.
final class Writer implements AutoCloseable {
    private final LanguageModel model;
    private final Tokenizer tokenizer;
    private final RowDecoder row;
    private final PromptReader reader;

    private Writer(LanguageModel model, Tokenizer tokenizer, RowDecoder row) {
        this.model = model;
        this.tokenizer = tokenizer;
        this.row = row;
        this.reader = new PromptReader(model, row);
    }

    /// Opens a model.
    ///
    /// @param path a Hugging Face folder or a GGUF file
    static Writer open(Path path) {
        var model = LanguageModel.open(path);
        try {
            return open(model);
        } catch (RuntimeException | Error failure) {
            model.close();
            throw failure;
        }
    }

    /// The tokenizer is read while weights are packed: each takes about as long.
    private static Writer open(LanguageModel model) {
        var reading = CompletableFuture.supplyAsync(
                model::tokenizer,
                task -> Thread.ofPlatform().name("tokenizer").daemon().start(task));
        RowDecoder row = null;
        try {
            row = RowDecoder.of(model);
            return new Writer(model, reading.join(), row);
        } catch (RuntimeException | Error failure) {
            if (row != null) {
                row.close();
            }
            // Whatever failed, the tokenizer's reading must not outlive the model.
            reading.exceptionally(_ -> null).thenAccept(Writer::closeRead).join();
            if (failure instanceof CompletionException wrapped
                    && wrapped.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw failure;
        }
    }

    private static void closeRead(@Nullable Tokenizer tokenizer) {
        if (tokenizer != null) {
            tokenizer.close();
        }
    }

    /// What the model is.
    DecoderSpec spec() {
        return model.spec();
    }

    /// Its tokenizer, borrowed.
    Tokenizer tokenizer() {
        return tokenizer;
    }

    /// Continues texts.
    Generator generator() {
        return Generator.of(row, reader, tokenizer);
    }

    /// The model as one that checks a draft's guesses.
    Verifier verifier() {
        return Verifier.of(row, reader);
    }

    /// The model as a draft for another one.
    Draft draft() {
        return Draft.of(row, reader);
    }

    /// The model without some layers as a draft for itself; the caller closes it first.
    ///
    /// @throws IllegalArgumentException for a layer that it does not have
    Draft draftSkipping(Set<Integer> layers) {
        return Draft.skipping(model, layers, Runtime.getRuntime().availableProcessors());
    }

    /// Continues texts with tokens from elsewhere.
    Generator generator(TokenSource source) {
        return Generator.of(source, tokenizer);
    }

    @Override
    public void close() {
        reader.close();
        row.close();
        tokenizer.close();
        model.close();
    }
}
