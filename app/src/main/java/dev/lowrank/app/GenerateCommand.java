package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.model.Generation;
import dev.lowrank.model.LanguageModel;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Continues a text.
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Let a model continue a text, as it is; the text comes from --prompt or standard input.")
final class GenerateCommand implements Callable<Integer> {
    /// @param model path
    /// @param prompt the text that was continued
    /// @param text what the model wrote
    /// @param promptTokens tokens of the prompt
    /// @param newTokens tokens written
    /// @param stop why it ended
    /// @param firstToken seconds to the first token
    /// @param prefill prompt tokens per second
    /// @param decode tokens per second after the first
    record Document(
            @JsonProperty("model") String model,
            @JsonProperty("prompt") String prompt,
            @JsonProperty("text") String text,
            @JsonProperty("prompt_tokens") int promptTokens,
            @JsonProperty("new_tokens") int newTokens,
            @JsonProperty("stop") String stop,
            @JsonProperty("time_to_first_token_seconds") double firstToken,
            @JsonProperty("prefill_tokens_per_second") double prefill,
            @JsonProperty("decode_tokens_per_second") double decode) {
        static Document of(LanguageModel model, String prompt, Generation made) {
            return new Document(
                    model.checkpoint().path().toString(),
                    prompt,
                    made.text(),
                    made.promptTokens(),
                    made.newTokens(),
                    made.stop().name().toLowerCase(Locale.ROOT),
                    made.secondsToFirstToken(),
                    made.prefillTokensPerSecond(),
                    made.decodeTokensPerSecond());
        }
    }

    private final Console console;
    private final ModelArgument models;
    private final InputStream in;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "TEXT",
            description = "Text to continue; standard input if not given.")
    private @Nullable String prompt;

    @Mixin
    private SamplingChoices choices;

    GenerateCommand(Console console, ModelArgument models, InputStream in) {
        this.console = console;
        this.models = models;
        this.in = in;
    }

    @Override
    public Integer call() throws IOException {
        var sampling = choices.sampling();
        var text = prompt == null ? new String(in.readAllBytes(), StandardCharsets.UTF_8) : prompt;
        try (var opened = LanguageModel.open(models.resolve(model));
                var speaker = Speaker.of(opened)) {
            var ids = speaker.tokenizer().encodeWithSpecials(text);
            console.stream(text);
            var made = speaker.write(ids, choices.maxTokens(), sampling, console::stream);
            console.note("\n" + made.newTokens() + " tokens, " + Figures.decimal(made.decodeTokensPerSecond(), 1)
                    + " tokens/s, first after " + Figures.seconds(made.secondsToFirstToken()));
            console.result(Document.of(opened, text, made), () -> "");
        }
        return ExitCode.OK.number();
    }
}
