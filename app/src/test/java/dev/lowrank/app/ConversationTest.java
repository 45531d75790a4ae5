package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.text.ChatMessage;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConversationTest {
    @Test
    void theOldestTurnsAreForgottenInPairs() {
        var talk = new Conversation("be brief");
        for (var question : List.of("one", "two", "three")) {
            assertThat(talk.ask(question, ConversationTest::letters, 100)).isPresent();
            talk.answer("answer");
        }
        var prompt = talk.ask("four", ConversationTest::letters, 35).orElseThrow();
        // be brief (8), two (3), answer (6), three (5), answer (6), four (4): 32 letters.
        assertThat(prompt.forgotten()).isEqualTo(2);
        assertThat(prompt.tokens()).hasSize(32);
        assertThat(talk.messages())
                .extracting(ChatMessage::content)
                .containsExactly("be brief", "two", "answer", "three", "answer", "four");
    }

    @Test
    void aTurnThatIsTooLongAloneIsTakenBack() {
        var talk = new Conversation(null);
        assertThat(talk.ask("far too long", ConversationTest::letters, 5)).isEmpty();
        assertThat(talk.messages()).isEmpty();
        assertThat(talk.ask("short", ConversationTest::letters, 5)).isPresent();
    }

    @Test
    void resettingKeepsTheSystemPrompt() {
        var talk = new Conversation("be brief");
        assertThat(talk.ask("one", ConversationTest::letters, 100)).isPresent();
        talk.reset();
        assertThat(talk.messages()).containsExactly(new ChatMessage("system", "be brief"));
    }

    private static int[] letters(List<ChatMessage> messages) {
        return new int
                [messages.stream()
                        .mapToInt(message -> message.content().length())
                        .sum()];
    }
}
