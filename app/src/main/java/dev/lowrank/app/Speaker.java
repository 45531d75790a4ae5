package dev.lowrank.app;

import dev.lowrank.model.Generation;
import dev.lowrank.model.Generator;
import dev.lowrank.model.Generator.Request;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.text.Tokenizer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A model that is ready to write: its tokenizer, its decoder and, from the first long prompt on, LibTorch
/// for prompts.
final class Speaker implements AutoCloseable {
    /// Below this, reading a prompt token by token takes less time than loading LibTorch.
    private static final int LONG_PROMPT = 256;

    private final LanguageModel model;
    private final Tokenizer tokenizer;
    private final RowDecoder decoder;
    private @Nullable TorchDecoder torch;

    private Speaker(LanguageModel model, Tokenizer tokenizer, RowDecoder decoder) {
        this.model = model;
        this.tokenizer = tokenizer;
        this.decoder = decoder;
    }

    /// @param model borrowed
    static Speaker of(LanguageModel model) {
        var tokenizer = model.tokenizer();
        try {
            return new Speaker(model, tokenizer, RowDecoder.of(model));
        } catch (RuntimeException failure) {
            tokenizer.close();
            throw failure;
        }
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    /// Continues a prompt.
    ///
    /// @throws CommandException with code 2 if the prompt is empty or fills the model's context
    Generation write(int[] prompt, int maxTokens, SamplingOptions sampling, Consumer<String> onText) {
        var context = model.spec().maxPositions();
        if (prompt.length == 0 || prompt.length >= context) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "The prompt has " + prompt.length + " tokens, the model's context " + context + ".",
                    prompt.length == 0 ? "Give it some text." : "Shorten it to leave room for an answer.");
        }
        return generator(prompt.length).generate(new Request(prompt, maxTokens, sampling, _ -> false, onText));
    }

    private Generator generator(int promptLength) {
        if (promptLength < LONG_PROMPT) {
            return Generator.of(decoder, tokenizer);
        }
        if (torch == null) {
            torch = TorchDecoder.load(model, Measurement.residency(model));
        }
        return Generator.of(decoder, torch, tokenizer);
    }

    @Override
    public void close() {
        if (torch != null) {
            torch.close();
        }
        decoder.close();
        tokenizer.close();
    }
}
