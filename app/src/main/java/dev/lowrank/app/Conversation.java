package dev.lowrank.app;

import dev.lowrank.text.ChatMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The turns of a chat, of which the oldest are forgotten when the model's context cannot hold them. The
/// system prompt is never forgotten.
final class Conversation {
    private final @Nullable String system;
    private final List<ChatMessage> turns = new ArrayList<>();

    /// @param system what comes before all turns; null for nothing
    Conversation(@Nullable String system) {
        this.system = system;
    }

    /// What is sent to the model.
    ///
    /// @param tokens token ids of the conversation, the assistant's turn opened
    /// @param forgotten turns that were dropped to make room
    record Prompt(int[] tokens, int forgotten) {}

    /// Everything said so far, the system prompt first.
    List<ChatMessage> messages() {
        var all = new ArrayList<ChatMessage>();
        if (system != null) {
            all.add(new ChatMessage("system", system));
        }
        all.addAll(turns);
        return all;
    }

    /// The user says something.
    ///
    /// @param encode makes token ids of a conversation
    /// @param most tokens it may have
    /// @return the prompt; empty, and the turn taken back, if the turn alone is too long
    Optional<Prompt> ask(String text, Function<List<ChatMessage>, int[]> encode, int most) {
        turns.add(new ChatMessage("user", text));
        var forgotten = 0;
        while (true) {
            var tokens = encode.apply(messages());
            if (tokens.length <= most) {
                return Optional.of(new Prompt(tokens, forgotten));
            }
            if (turns.size() == 1) {
                turns.clear();
                return Optional.empty();
            }
            // A question and its answer go together: templates expect the roles to alternate.
            turns.subList(0, 2).clear();
            forgotten += 2;
        }
    }

    /// The model answered.
    void answer(String text) {
        turns.add(new ChatMessage("assistant", text));
    }

    /// Forgets every turn.
    void reset() {
        turns.clear();
    }
}
