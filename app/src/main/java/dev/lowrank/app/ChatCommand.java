package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.text.ChatMessage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Talks with a model through its chat template, a line for a turn.
@Command(
        name = "chat",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Talk with a model that has a chat template; each line of standard input is a turn.",
        footer = {"", "/reset begins a new conversation, /exit or the end of input ends."})
final class ChatCommand implements Callable<Integer> {
    /// @param model path
    /// @param messages the whole conversation
    record Document(
            @JsonProperty("model") String model,
            @JsonProperty("messages") List<Message> messages) {}

    /// @param role `system`, `user` or `assistant`
    /// @param content its text
    record Message(
            @JsonProperty("role") String role,
            @JsonProperty("content") String content) {}

    private final Console console;
    private final ModelArgument models;
    private final InputStream in;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Option(names = "--system", paramLabel = "TEXT", description = "System message.")
    private @Nullable String system;

    @Mixin
    private SamplingChoices choices;

    ChatCommand(Console console, ModelArgument models, InputStream in) {
        this.console = console;
        this.models = models;
        this.in = in;
    }

    @Override
    public Integer call() throws IOException {
        try (var opened = LanguageModel.open(models.resolve(model));
                var speaker = Speaker.of(opened)) {
            if (speaker.tokenizer().chatTemplate().isEmpty()) {
                throw new CommandException(
                        ExitCode.INPUT,
                        opened.checkpoint().path() + " has no chat template, so it was not made for conversations.",
                        "Let it continue a text instead: lowrank generate MODEL --prompt TEXT.");
            }
            var conversation = talk(speaker);
            var messages = conversation.stream()
                    .map(message -> new Message(message.role(), message.content()))
                    .toList();
            console.result(new Document(opened.checkpoint().path().toString(), messages), () -> "");
        }
        return ExitCode.OK.number();
    }

    private List<ChatMessage> talk(Speaker speaker) throws IOException {
        var sampling = choices.sampling();
        var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        var conversation = opening();
        console.prompt();
        for (var line = lines.readLine(); line != null && !line.equals("/exit"); line = lines.readLine()) {
            if (line.equals("/reset")) {
                conversation = opening();
            } else if (!line.isBlank()) {
                conversation.add(new ChatMessage("user", line));
                var ids = speaker.tokenizer().encodeChat(conversation, true);
                var answer = speaker.write(ids, choices.maxTokens(), sampling, console::stream);
                console.stream("\n");
                conversation.add(new ChatMessage("assistant", answer.text()));
            }
            console.prompt();
        }
        return conversation;
    }

    private List<ChatMessage> opening() {
        var conversation = new ArrayList<ChatMessage>();
        if (system != null) {
            conversation.add(new ChatMessage("system", system));
        }
        return conversation;
    }
}
