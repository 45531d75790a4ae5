package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.model.Generation;
import dev.lowrank.model.Generator;
import dev.lowrank.model.TextCache;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
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
        description = "Continue a text. The continuation goes to standard output as it comes, figures to standard"
                + " error. Without --prompt and --prompt-file the prompt is read from standard input.")
final class GenerateCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;
    private final StandardInput input;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Option(names = "--prompt", paramLabel = "TEXT", description = "The text to continue.")
    private @Nullable String prompt;

    @Option(
            names = "--prompt-file",
            paramLabel = "FILE",
            description =
                    "File with the text to continue; one line end at its end is left out, as from standard input.")
    private @Nullable Path promptFile;

    @Mixin
    private SamplingChoice sampling;

    @Mixin
    private CacheTypeOption cacheType;

    @Mixin
    private DraftChoice drafts;

    GenerateCommand(Console console, ModelArgument models, StandardInput input) {
        this.console = console;
        this.models = models;
        this.input = input;
    }

    @Override
    public Integer call() {
        var options = sampling.options();
        var most = sampling.maxTokens();
        var path = models.resolve(model);
        try (var writer = Writer.open(path)) {
            var text = prompt();
            var tokens = tokens(writer.tokenizer(), text, writer.spec().maxPositions());
            var request = new Generator.Request(tokens, most, options, _ -> false, console::stream);
            var draft = write(writer, request, path.toString(), text);
            if (draft != null) {
                console.note(draft.inWords());
            }
        }
        return ExitCode.OK.number();
    }

    /// @return how the draft did; null without one
    private @Nullable DraftFigures write(Writer writer, Generator.Request request, String path, String text) {
        try (var cache = TextCache.of(writer.spec(), cacheType.type());
                var drafting = drafts.open(models, writer, request.sampling())) {
            var generator = drafting == null ? writer.generator() : writer.generator(drafting.source());
            var made = generator.generate(request, cache);
            var draft = drafting == null
                    ? null
                    : DraftFigures.of(
                            String.valueOf(drafts.name()), drafting.source().report());
            console.result(Document.of(path, text, made, request.sampling().seed(), draft), () -> "\n");
            console.note(figures(made));
            return draft;
        }
    }

    private String prompt() {
        if (prompt != null && promptFile != null) {
            throw new CommandException(
                    ExitCode.USAGE, "--prompt and --prompt-file exclude one another.", "Give one of them.");
        }
        if (prompt != null) {
            return prompt;
        }
        if (promptFile != null) {
            return withoutLineEnd(Corpus.read(promptFile).text());
        }
        if (input.isTerminal()) {
            console.note("Type the prompt and end it with Ctrl-D.");
        }
        return withoutLineEnd(input.readAll());
    }

    private static String withoutLineEnd(String text) {
        if (text.endsWith("\r\n")) {
            return text.substring(0, text.length() - 2);
        }
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    /// The prompt's tokens with what the tokenizer puts before a text; where there is no text, the token
    /// that begins one.
    private static int[] tokens(Tokenizer tokenizer, String text, int context) {
        var tokens = UsageErrors.check(() -> tokenizer.encodeWithSpecials(text));
        if (tokens.length == 0) {
            var begin = tokenizer
                    .bos()
                    .orElseThrow(() -> new CommandException(
                            ExitCode.USAGE,
                            "The prompt is empty, and the model has no token that begins a text.",
                            "Give it some text with --prompt."));
            return new int[] {begin};
        }
        if (tokens.length >= context) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "The prompt has " + tokens.length + " tokens, the model's context " + context + ".",
                    "Shorten the prompt to leave room for its continuation.");
        }
        return tokens;
    }

    /// One line of figures.
    static String figures(Generation made) {
        return String.format(
                Locale.ROOT,
                "%d prompt tokens, first token after %s; %d tokens at %.1f tokens/s; ended by %s",
                made.promptTokens(),
                Figures.milliseconds(made.secondsToFirstToken()),
                made.newTokens(),
                made.decodeTokensPerSecond(),
                switch (made.stop()) {
                    case END_OF_TEXT -> "the model";
                    case MAX_TOKENS -> "--max-tokens";
                    case CONTEXT -> "the model's context";
                    case CALLER -> "request";
                });
    }

    /// What `generate --json` prints.
    ///
    /// @param model path
    /// @param prompt the text given
    /// @param text its continuation
    /// @param promptTokens tokens of the prompt
    /// @param tokens tokens added, an end-of-text token included
    /// @param stop `end_of_text`, `max_tokens` or `context`
    /// @param firstToken seconds from the start of the prompt to the first token
    /// @param decode tokens a second after the first one; 0 if there is only one
    /// @param seed of the random numbers
    /// @param draft how the draft did; left out without one
    record Document(
            @JsonProperty("model") String model,
            @JsonProperty("prompt") String prompt,
            @JsonProperty("text") String text,
            @JsonProperty("prompt_tokens") int promptTokens,
            @JsonProperty("tokens") int tokens,
            @JsonProperty("stop") String stop,
            @JsonProperty("time_to_first_token_seconds") double firstToken,
            @JsonProperty("decode_tokens_per_second") double decode,
            @JsonProperty("seed") long seed,

            @JsonProperty("draft") @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
            DraftFigures draft) {
        static Document of(String model, String prompt, Generation made, long seed, @Nullable DraftFigures draft) {
            return new Document(
                    model,
                    prompt,
                    made.text(),
                    made.promptTokens(),
                    made.newTokens(),
                    made.stop().name().toLowerCase(Locale.ROOT),
                    made.secondsToFirstToken(),
                    made.decodeTokensPerSecond(),
                    seed,
                    draft);
        }
    }
}
