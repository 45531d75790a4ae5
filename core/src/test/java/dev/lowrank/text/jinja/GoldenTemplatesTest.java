package dev.lowrank.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The engine against the Jinja of `transformers`: what it renders, and what it refuses.
class GoldenTemplatesTest {
    private static final LocalDateTime NOW = LocalDateTime.of(2026, 1, 2, 3, 4, 5);

    static Stream<Arguments> snippets() {
        var golden = golden();
        var variables = map(golden.get("variables"));
        var rows = new ArrayList<Arguments>();
        golden.get("snippets")
                .forEach(row -> rows.add(Arguments.of(row.get("source").stringValue(), variables, row)));
        return rows.stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("snippets")
    void aSnippetRendersAsInPython(String source, Map<String, ?> variables, JsonNode expected) {
        check(source, variables, expected);
    }

    static Stream<Arguments> cases() {
        var rows = new ArrayList<Arguments>();
        golden().get("cases")
                .forEach(row -> rows.add(Arguments.of(row.get("template").stringValue(), row)));
        return rows.stream();
    }

    @ParameterizedTest(name = "{index} {0}")
    @MethodSource("cases")
    void aChatTemplateRendersAsInPython(String template, JsonNode row) {
        var variables = new LinkedHashMap<String, Object>();
        variables.put("messages", plain(row.get("messages")));
        variables.put("add_generation_prompt", row.get("prompt").booleanValue());
        variables.put("bos_token", "<s>");
        variables.put("eos_token", "</s>");
        check(resource("templates/" + template), variables, row);
    }

    private static void check(String source, Map<String, ?> variables, JsonNode expected) {
        if (expected.has("error")) {
            assertThatThrownBy(() -> Template.parse(source).render(variables, NOW))
                    .isInstanceOf(TemplateException.class);
        } else {
            assertThat(Template.parse(source).render(variables, NOW))
                    .isEqualTo(expected.get("text").stringValue());
        }
    }

    private static JsonNode golden() {
        return JsonMapper.shared().readTree(resource("templates.json"));
    }

    private static Map<String, Object> map(JsonNode node) {
        var map = new LinkedHashMap<String, Object>();
        node.properties().forEach(entry -> map.put(entry.getKey(), plain(entry.getValue())));
        return map;
    }

    private static Object plain(JsonNode node) {
        return switch (node.getNodeType()) {
            case OBJECT -> map(node);
            case ARRAY -> {
                var list = new ArrayList<Object>();
                node.forEach(item -> list.add(plain(item)));
                yield list;
            }
            case STRING -> node.stringValue();
            case BOOLEAN -> node.booleanValue();
            case NUMBER -> node.isInt() ? (Object) node.intValue() : (Object) node.doubleValue();
            default -> null;
        };
    }

    private static String resource(String name) {
        try (var in = GoldenTemplatesTest.class.getResourceAsStream("/golden/text/" + name)) {
            if (in == null) {
                throw new IllegalStateException("no fixture " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
