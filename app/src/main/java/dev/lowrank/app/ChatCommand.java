package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.model.Generator;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.model.TextCache;
import dev.lowrank.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Talks with a model.
@Command(
        name = "chat",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Talk with a model through its chat template: a line is a turn. /reset forgets the conversation,"
                + " /exit or the end of the input ends it.")
final class ChatCommand implements Callable<Integer> {
    /// Share of the context that an answer may always have.
    private static final int ANSWER_SHARE = 4;

    private final Console console;
    private final ModelArgument models;
    private final StandardInput input;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Option(names = "--system", paramLabel = "TEXT", description = "What the model is told before the first turn.")
    private @Nullable String system;

    @Mixin
    private SamplingChoice sampling;

    @Mixin
    private CacheTypeOption cacheType;

    ChatCommand(Console console, ModelArgument models, StandardInput input) {
        this.console = console;
        this.models = models;
        this.input = input;
    }

    @Override
    public Integer call() {
        var options = sampling.options();
        var most = sampling.maxTokens();
        var path = models.resolve(model);
        try (var writer = Writer.open(path);
                var cache = TextCache.of(writer.spec(), cacheType.type())) {
            requireTemplate(writer.tokenizer(), path.toString());
            var context = writer.spec().maxPositions();
            var room = context - Math.max(1, Math.min(most, context / ANSWER_SHARE));
            var talk = new Talk(writer, cache, options, most, room);
            var said = talk.run();
            console.result(new Document(path.toString(), said), () -> "");
        }
        return ExitCode.OK.number();
    }

    private static void requireTemplate(Tokenizer tokenizer, String model) {
        if (tokenizer.chatTemplate().isEmpty()) {
            throw new CommandException(
                    ExitCode.INPUT,
                    model + " has no chat template: it continues texts but was not made to answer.",
                    "Use lowrank generate, or put a chat_template.jinja into the model's folder.");
        }
    }

    /// What `chat --json` prints when the conversation ends.
    ///
    /// @param model path
    /// @param messages every turn, forgotten ones too
    record Document(
            @JsonProperty("model") String model,
            @JsonProperty("messages") List<Message> messages) {
        /// @param role `user` or `assistant`
        /// @param content what was said
        record Message(
                @JsonProperty("role") String role,
                @JsonProperty("content") String content) {}
    }

    /// One conversation from the first line to the last.
    private final class Talk {
        private final Generator generator;
        private final Tokenizer tokenizer;
        private final TextCache cache;
        private final SamplingOptions options;
        private final int most;
        private final int room;
        private final Conversation conversation = new Conversation(system);
        private final List<Document.Message> said = new ArrayList<>();

        Talk(Writer writer, TextCache cache, SamplingOptions options, int most, int room) {
            this.generator = writer.generator();
            this.tokenizer = writer.tokenizer();
            this.cache = cache;
            this.options = options;
            this.most = most;
            this.room = room;
        }

        List<Document.Message> run() {
            if (input.isTerminal()) {
                console.note("A line is a turn; /reset forgets the conversation, /exit ends it.");
            }
            while (true) {
                if (input.isTerminal()) {
                    console.ask("> ");
                }
                var line = input.readLine();
                if (line == null || line.strip().equals("/exit")) {
                    return said;
                }
                take(line);
            }
        }

        private void take(String line) {
            if (line.strip().equals("/reset")) {
                conversation.reset();
                console.note("The conversation is forgotten.");
            } else if (line.matches("/[a-z]+\\s*")) {
                console.note("There is no " + line.strip() + "; there are /reset and /exit.");
            } else if (!line.isBlank()) {
                turn(line);
            }
        }

        private void turn(String line) {
            var prompt = conversation.ask(line, messages -> tokenizer.encodeChat(messages, true), room);
            if (prompt.isEmpty()) {
                console.warn("That is too long: with the system prompt it may have " + room
                        + " tokens, the rest of the model's context is left for the answer. Say it shorter.");
                return;
            }
            var asked = prompt.get();
            if (asked.forgotten() > 0) {
                console.note(
                        "The model's context is full: the oldest " + asked.forgotten() + " messages are forgotten.");
            }
            said.add(new Document.Message("user", line));
            var made = generator.generate(
                    new Generator.Request(asked.tokens(), most, options, _ -> false, console::stream), cache);
            console.stream("\n");
            conversation.answer(made.text());
            said.add(new Document.Message("assistant", made.text()));
            console.note(GenerateCommand.figures(made));
        }
    }
}
