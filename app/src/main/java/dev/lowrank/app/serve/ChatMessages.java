package dev.lowrank.app.serve;

import dev.lowrank.text.ChatMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Reads the messages of a conversation. Nothing in them is ever fetched.
final class ChatMessages {
    private static final int MOST = 2048;
    private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant", "tool");

    private ChatMessages() {}

    static List<ChatMessage> read(Fields fields) {
        var list = fields.list("messages");
        if (list.isEmpty() || list.size() > MOST) {
            throw fields.wrong("messages", "a list of 1 to " + MOST + " messages");
        }
        refuseTools(fields);
        var messages = new ArrayList<ChatMessage>();
        for (var message : list) {
            var role = message.text("role").orElseThrow(() -> message.wrong("role", "there"));
            if (!ROLES.contains(role)) {
                throw message.wrong("role", "system, developer, user, assistant or tool");
            }
            if (message.has("tool_calls") && !message.node("tool_calls").isEmpty()) {
                throw ApiException.unsupported(message.name("tool_calls"), "This server calls no tools");
            }
            // Templates know the older name.
            messages.add(new ChatMessage(role.equals("developer") ? "system" : role, content(message, role)));
        }
        return messages;
    }

    private static void refuseTools(Fields fields) {
        for (var name : List.of("tools", "functions")) {
            if (fields.has(name) && !fields.node(name).isEmpty()) {
                throw ApiException.unsupported(name, "This server calls no tools");
            }
        }
    }

    private static String content(Fields message, String role) {
        if (!message.has("content")) {
            if (role.equals("assistant")) {
                return "";
            }
            throw message.wrong("content", "a string or a list of text parts");
        }
        if (message.node("content").isString()) {
            return message.node("content").asString();
        }
        var text = new StringBuilder();
        for (var part : message.list("content")) {
            var type = part.text("type").orElse("");
            if (!type.equals("text")) {
                throw ApiException.unsupported(part.name("type"), "Only parts of type 'text' can be read");
            }
            text.append(part.text("text").orElseThrow(() -> part.wrong("text", "a string")));
        }
        return text.toString();
    }
}
