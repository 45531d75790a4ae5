package dev.lowrank.evaluate.task;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.dataformat.yaml.YAMLMapper;

/// A mapping in a YAML file, read strictly: an unknown key, a missing one or a value of the wrong kind is
/// an error that names file and key.
///
/// @param path file and keys down to here
record YamlNode(String path, Map<?, ?> values) {
    private static final YAMLMapper MAPPER = YAMLMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    static YamlNode parse(String file, String yaml) {
        try {
            if (MAPPER.readValue(yaml, Object.class) instanceof Map<?, ?> map) {
                return new YamlNode(file, map);
            }
        } catch (JacksonException e) {
            var first = e.getOriginalMessage().lines().findFirst().orElse("unreadable");
            throw new TaskException(file + " is no YAML: " + first, e);
        }
        throw new TaskException(file + " holds no keys; a task needs task, output_type, data and more");
    }

    TaskException fault(String key, String what) {
        return new TaskException(path + ": " + key + " " + what);
    }

    void only(Set<String> known) {
        for (var key : values.keySet()) {
            if (!(key instanceof String name) || !known.contains(name)) {
                throw fault(
                        String.valueOf(key), "is no key here; known are " + String.join(", ", new TreeSet<>(known)));
            }
        }
    }

    List<String> keys() {
        return values.keySet().stream().map(String::valueOf).toList();
    }

    @Nullable
    Object optional(String key) {
        return values.get(key);
    }

    private Object value(String key) {
        var value = values.get(key);
        if (value == null) {
            throw fault(key, "is missing");
        }
        return value;
    }

    String text(String key) {
        if (value(key) instanceof String text) {
            return text;
        }
        throw fault(key, "is " + value(key) + ", expected text");
    }

    String text(String key, String otherwise) {
        return values.get(key) == null ? otherwise : text(key);
    }

    @Nullable
    String optionalText(String key) {
        return values.get(key) == null ? null : text(key);
    }

    int number(String key, int otherwise) {
        if (values.get(key) == null) {
            return otherwise;
        }
        if (value(key) instanceof Integer number) {
            return number;
        }
        throw fault(key, "is " + value(key) + ", expected a whole number");
    }

    boolean flag(String key) {
        if (values.get(key) == null) {
            return false;
        }
        if (value(key) instanceof Boolean flag) {
            return flag;
        }
        throw fault(key, "is " + value(key) + ", expected true or false");
    }

    List<String> texts(String key) {
        return items(key).stream().map(String::valueOf).toList();
    }

    List<Integer> numbers(String key) {
        return items(key).stream()
                .map(item -> item instanceof Integer number ? number : failNumber(key, item))
                .toList();
    }

    private Integer failNumber(String key, Object item) {
        throw fault(key, "holds " + item + ", expected whole numbers");
    }

    private List<?> items(String key) {
        if (value(key) instanceof List<?> list && !list.isEmpty()) {
            return list;
        }
        throw fault(key, "is " + value(key) + ", expected a list");
    }

    List<YamlNode> children(String key) {
        var children = new ArrayList<YamlNode>();
        for (var item : items(key)) {
            if (!(item instanceof Map<?, ?> map)) {
                throw fault(key, "holds " + item + ", expected keys and values");
            }
            children.add(new YamlNode(path + ": " + key + " " + (children.size() + 1), map));
        }
        return children;
    }

    YamlNode child(String key) {
        if (value(key) instanceof Map<?, ?> map) {
            return new YamlNode(path + ": " + key, map);
        }
        throw fault(key, "is " + value(key) + ", expected keys and values");
    }

    <E extends Enum<E>> E choice(String key, Class<E> type) {
        var name = text(key).toUpperCase(Locale.ROOT);
        return Arrays.stream(type.getEnumConstants())
                .filter(constant -> constant.name().equals(name))
                .findFirst()
                .orElseThrow(() -> fault(
                        key,
                        "is " + text(key) + ", expected one of "
                                + String.join(
                                        ", ",
                                        Arrays.stream(type.getEnumConstants())
                                                .map(constant -> constant.name().toLowerCase(Locale.ROOT))
                                                .toList())));
    }

    /// A template or constant.
    Field field(String key) {
        return Field.of(path + ": " + key, value(key));
    }

    Pattern pattern(String key) {
        return compiled(key, text(key));
    }

    List<Pattern> patterns(String key) {
        return texts(key).stream().map(source -> compiled(key, source)).toList();
    }

    private Pattern compiled(String key, String source) {
        try {
            return Pattern.compile(source);
        } catch (PatternSyntaxException e) {
            throw new TaskException(path + ": " + key + " is no pattern: " + e.getDescription(), e);
        }
    }
}
