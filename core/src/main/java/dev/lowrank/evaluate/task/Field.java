package dev.lowrank.evaluate.task;

import dev.lowrank.text.jinja.Template;
import dev.lowrank.text.jinja.TemplateException;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A value that a task takes from a record: a Jinja template, which gives the value itself where it is one
/// expression and nothing else, or a constant.
final class Field {
    /// Prompts depend on no clock.
    private static final LocalDateTime NO_TIME = LocalDateTime.of(2000, 1, 1, 0, 0);

    private final String key;
    private final @Nullable Object constant;
    private final @Nullable Template template;

    private Field(String key, @Nullable Object constant, @Nullable Template template) {
        this.key = key;
        this.constant = constant;
        this.template = template;
    }

    /// @param key what the task file calls it, for messages
    /// @param source a template, or a list or number that stands for itself
    /// @throws TaskException if the template is broken
    static Field of(String key, Object source) {
        if (!(source instanceof String text)) {
            return new Field(key, source, null);
        }
        try {
            return new Field(key, null, Template.parseExact(text));
        } catch (TemplateException e) {
            throw new TaskException(key + " is no template: " + e.getMessage(), e);
        }
    }

    /// @param where the record, for messages
    /// @throws TaskException if the record lacks something that the template needs
    @Nullable
    Object value(Map<String, @Nullable Object> record, String where) {
        if (template == null) {
            return constant;
        }
        try {
            return template.value(record, NO_TIME);
        } catch (TemplateException e) {
            throw new TaskException(where + ": " + key + " cannot be made: " + e.getMessage(), e);
        }
    }

    /// The value as text: of a string, number or boolean.
    String text(Map<String, @Nullable Object> record, String where) {
        var value = value(record, where);
        return switch (value) {
            case String text -> text;
            case Long number -> number.toString();
            case Integer number -> number.toString();
            case Double number -> number.toString();
            case null, default -> throw new TaskException(where + ": " + key + " gives " + value + ", expected text");
        };
    }

    /// The value as texts: of a list of strings.
    List<String> texts(Map<String, @Nullable Object> record, String where) {
        if (value(record, where) instanceof List<?> list && !list.isEmpty()) {
            return list.stream().map(String::valueOf).toList();
        }
        throw new TaskException(where + ": " + key + " gives no list of texts");
    }

    /// The value as whole numbers: of a number, or of a list of them.
    List<Integer> numbers(Map<String, @Nullable Object> record, String where) {
        var value = value(record, where);
        var list = value instanceof List<?> several ? several : value == null ? List.of() : List.of(value);
        try {
            return list.stream()
                    .map(item -> Integer.parseInt(item.toString().strip()))
                    .toList();
        } catch (NumberFormatException e) {
            throw new TaskException(where + ": " + key + " gives " + value + ", expected a place among the choices", e);
        }
    }
}
