package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.TextException.Code;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChatTemplateTest {
    private static final List<ChatMessage> HI = List.of(new ChatMessage("user", "Hi"));

    @Test
    void theTemplateSeesMessagesPromptFlagAndSpecialTokens() {
        var template = ChatTemplate.of(
                "{{ bos_token }}{% for m in messages %}{{ m['role'] }}:{{ m.content }}{% endfor %}"
                        + "{% if add_generation_prompt %}>{% endif %}{{ tools[0] }}{{ eos_token is defined }}",
                Map.of("bos_token", "<s>"));
        assertThat(template.render(HI, true, Map.of("tools", List.of("t")), LocalDateTime.of(2026, 1, 1, 0, 0)))
                .isEqualTo("<s>user:Hi>tFalse");
        assertThat(template.source()).startsWith("{{ bos_token }}");
    }

    @Test
    void aMessageIsNeverReadAsATemplate() {
        var template = ChatTemplate.of("{{ messages[0].content }}", Map.of());
        var text = "{{ raise_exception('x') }}{% for i in range(10**9) %}";
        assertThat(template.render(List.of(new ChatMessage("user", text)), false))
                .isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            value = {
                "{% if %}@TPL_SYNTAX",
                "{{ 1 + [] }}@TPL_VALUE",
                "{{ raise_exception('roles must alternate') }}@TPL_RAISED",
                "{{ 'a' * 10**9 }}@TPL_BUDGET",
                "{% for i in range(10**9) %}{% endfor %}@TPL_BUDGET",
                "{{ messages.getClass() }}@TPL_FORBIDDEN",
                "{% include 'x' %}@TPL_FORBIDDEN"
            })
    void faultsCarryTheirCode(String source, Code code) {
        assertThatThrownBy(() -> ChatTemplate.of(source, Map.of()).render(HI, true))
                .isInstanceOfSatisfying(
                        TextException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageStartingWith("chat template: ");
    }

    @Test
    void aTemplatesOwnRefusalIsQuoted() {
        assertThatThrownBy(() -> ChatTemplate.of("{{ raise_exception('roles must alternate') }}", Map.of())
                        .render(HI, true))
                .hasMessageContaining("roles must alternate");
    }
}
