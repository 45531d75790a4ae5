package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatCommandTest {
    private static final Path POCKET = Run.ROOT.resolve("models/pocket");

    /// The pocket model with a template; what it says makes no sense, but it says it turn by turn.
    private static Path talkative(Path folder) throws IOException {
        for (var name : new String[] {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}) {
            Files.copy(POCKET.resolve(name), folder.resolve(name));
        }
        Files.writeString(
                folder.resolve("chat_template.jinja"),
                "{% for message in messages %}# {{ message.role }}: {{ message.content }}\n{% endfor %}"
                        + "{% if add_generation_prompt %}# assistant: {% endif %}");
        return folder;
    }

    @Test
    void everyLineIsATurn(@TempDir Path folder) throws IOException {
        var model = talkative(folder).toString();
        var run = Run.typing("hello\n\nagain\n/exit\nnever\n", "chat", model, "--max-tokens=4", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var messages = Documents.of(run).path("messages");
        assertThat(messages.size()).isEqualTo(4);
        assertThat(messages.path(0).path("content").asString()).isEqualTo("hello");
        assertThat(messages.path(1).path("role").asString()).isEqualTo("assistant");
        assertThat(messages.path(2).path("content").asString()).isEqualTo("again");
    }

    @Test
    void historyAndSystemPromptReachTheModelUntilReset(@TempDir Path folder) throws IOException {
        var model = talkative(folder).toString();
        var plain = Run.typing("a\n/reset\na\na\n", "chat", model, "--max-tokens=3");
        assertThat(plain.code()).as(plain.err()).isZero();
        var prompts = plain.err()
                .lines()
                .filter(line -> line.contains("prompt tokens"))
                .map(line -> Integer.valueOf(line.substring(0, line.indexOf(' '))))
                .toList();
        assertThat(prompts).hasSize(3);
        assertThat(prompts.get(1)).isEqualTo(prompts.get(0));
        assertThat(prompts.get(2)).isGreaterThan(prompts.get(1));
        var instructed = Run.typing("a\n", "chat", model, "--max-tokens=3", "--system", "Be brief.");
        assertThat(Integer.parseInt(
                        instructed.err().substring(0, instructed.err().indexOf(' '))))
                .isGreaterThan(prompts.get(0));
    }

    @Test
    void aTurnBeyondTheContextIsRefusedAndTheNextOneAnswered(@TempDir Path folder) throws IOException {
        var model = talkative(folder).toString();
        var run = Run.typing("x = 1 ".repeat(1000) + "\nhello\n", "chat", model, "--max-tokens=3", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("too long");
        assertThat(Documents.of(run).path("messages").size()).isEqualTo(2);
    }

    @Test
    void anUnknownCommandIsSaid(@TempDir Path folder) throws IOException {
        var run = Run.typing("/quit\n", "chat", talkative(folder).toString());
        assertThat(run.err()).contains("There is no /quit").contains("/exit");
    }

    @Test
    void aModelWithoutTemplateIsRefusedWithARemedy() {
        var run = Run.typing("hello\n", "chat", "--json");
        assertThat(run.code()).isEqualTo(4);
        assertThat(run.err()).contains("no chat template").contains("lowrank generate");
        assertThat(Documents.of(run).path("error").path("exit_code").asInt()).isEqualTo(4);
    }
}
