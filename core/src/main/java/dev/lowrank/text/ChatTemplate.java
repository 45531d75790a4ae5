package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import dev.lowrank.text.jinja.Template;
import dev.lowrank.text.jinja.TemplateException;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A model's rule for writing a conversation as one text. The text holds the model's special tokens by
/// name: encode it with [Tokenizer#encode(String)], which adds nothing, so that a first token stands once;
/// [Tokenizer#encodeChat] does both.
public final class ChatTemplate {
    private final String source;
    private final Template template;
    private final Map<String, String> specialTokens;

    private ChatTemplate(String source, Template template, Map<String, String> specialTokens) {
        this.source = source;
        this.template = template;
        this.specialTokens = Map.copyOf(specialTokens);
    }

    /// @param source the template's text (Jinja)
    /// @param specialTokens `bos_token`, `eos_token` and the like, as the template sees them
    /// @return the template
    /// @throws TextException `TPL_SYNTAX`, `TPL_FORBIDDEN` or `TPL_BUDGET`
    public static ChatTemplate of(String source, Map<String, String> specialTokens) {
        try {
            return new ChatTemplate(source, Template.parse(source), specialTokens);
        } catch (TemplateException e) {
            throw translate(e);
        }
    }

    /// @return the template's text
    public String source() {
        return source;
    }

    /// @param messages the conversation, oldest first
    /// @param addGenerationPrompt whether the text ends where the assistant's next turn begins
    /// @return the conversation as one text
    /// @throws TextException `TPL_*`: the template refuses the conversation, fails, or goes past a limit
    public String render(List<ChatMessage> messages, boolean addGenerationPrompt) {
        return render(messages, addGenerationPrompt, Map.of(), LocalDateTime.now(ZoneId.systemDefault()));
    }

    /// @param messages the conversation, oldest first
    /// @param addGenerationPrompt whether the text ends where the assistant's next turn begins
    /// @param variables what else the template may use (such as `tools` or `enable_thinking`): strings,
    ///     booleans,
    ///     numbers,
    ///     lists and maps with string keys
    /// @param now the time that `strftime_now` tells
    /// @return the conversation as one text
    /// @throws TextException as [#render(List, boolean)]
    public String render(
            List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, ?> variables, LocalDateTime now) {
        var turns = new ArrayList<Map<String, String>>(messages.size());
        for (var message : messages) {
            var turn = new LinkedHashMap<String, String>();
            turn.put("role", message.role());
            turn.put("content", message.content());
            turns.add(turn);
        }
        var all = new LinkedHashMap<String, Object>(specialTokens);
        all.putAll(variables);
        all.put("messages", turns);
        all.put("add_generation_prompt", addGenerationPrompt);
        try {
            return template.render(all, now);
        } catch (TemplateException e) {
            throw translate(e);
        }
    }

    private static TextException translate(TemplateException e) {
        var code = switch (e.kind()) {
            case SYNTAX -> Code.TPL_SYNTAX;
            case VALUE -> Code.TPL_VALUE;
            case RAISED -> Code.TPL_RAISED;
            case BUDGET -> Code.TPL_BUDGET;
            case FORBIDDEN -> Code.TPL_FORBIDDEN;
        };
        return new TextException(code, "chat template", String.valueOf(e.getMessage()), e);
    }
}
