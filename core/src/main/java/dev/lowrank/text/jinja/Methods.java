package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The methods of strings, lists and dictionaries. This list is all there is; methods that change a value
/// are refused.
final class Methods {
    private Methods() {}

    /// @return the method, null if the value has none of that name
    static @Nullable Value of(Value target, String name, Budget budget) {
        return switch (target) {
            case Value.Text text -> ofText(text.value(), name, budget);
            case Value.Mapping map -> ofMapping(map, name, budget);
            case Value.Sequence list -> ofList(list, name, budget);
            default -> null;
        };
    }

    private static Value method(String name, Budget budget, Function<Arguments, Value> body) {
        return new Named(name, arguments -> {
            budget.step();
            return body.apply(arguments);
        });
    }

    private static @Nullable Value ofText(String text, String name, Budget budget) {
        Function<Arguments, Value> body = switch (name) {
            case "strip", "lstrip", "rstrip" -> arguments -> made(strip(text, name, arguments), budget);
            case "lower" -> _ -> made(text.toLowerCase(Locale.ROOT), budget);
            case "upper" -> _ -> made(text.toUpperCase(Locale.ROOT), budget);
            case "title" -> _ -> made(Words.title(text), budget);
            case "capitalize" -> _ -> made(Words.capitalize(text), budget);
            case "startswith" -> arguments -> affix(arguments, name, text::startsWith);
            case "endswith" -> arguments -> affix(arguments, name, text::endsWith);
            case "removeprefix" ->
                arguments -> {
                    var prefix = arguments.text(0, "prefix", name);
                    return made(text.startsWith(prefix) ? text.substring(prefix.length()) : text, budget);
                };
            case "removesuffix" ->
                arguments -> {
                    var suffix = arguments.text(0, "suffix", name);
                    var ends = !suffix.isEmpty() && text.endsWith(suffix);
                    return made(ends ? text.substring(0, text.length() - suffix.length()) : text, budget);
                };
            case "split", "rsplit" -> arguments -> split(text, name, arguments, budget);
            case "splitlines" -> _ -> texts(text.lines().toList(), budget);
            case "replace" ->
                arguments -> made(
                        Words.replace(
                                text,
                                arguments.text(0, "old", name),
                                arguments.text(1, "new", name),
                                arguments.number(2, "count", -1, name),
                                budget),
                        budget);
            case "join" ->
                arguments -> new Filters(budget)
                        .apply(
                                "join",
                                arguments.need(0, "iterable", name),
                                new Arguments(List.of(new Value.Text(text)), java.util.Map.of()));
            case "find", "rfind" -> arguments -> find(text, name, arguments);
            case "count" -> arguments -> count(text, arguments.text(0, "sub", name), budget);
            case "isdigit" -> _ -> all(text, Character::isDigit);
            case "isalpha" -> _ -> all(text, Character::isLetter);
            case "isspace" -> _ -> all(text, Words::isSpace);
            case "format" -> throw refused("format");
            default -> null;
        };
        return body == null ? null : method(name, budget, body);
    }

    private static @Nullable Value ofMapping(Value.Mapping map, String name, Budget budget) {
        return switch (name) {
            case "items" -> method(name, budget, _ -> entries(map, budget));
            case "keys" -> method(name, budget, _ -> Value.listOf(Values.items(map, budget)));
            case "values" ->
                method(name, budget, _ -> {
                    budget.allocate(map.entries().size());
                    return Value.listOf(new ArrayList<>(map.entries().values()));
                });
            case "get" ->
                method(name, budget, arguments -> {
                    var entry = map.entries().get(arguments.text(0, "key", name));
                    return entry == null ? arguments.get(1, "default", Value.None.NONE) : entry;
                });
            case "update", "pop", "popitem", "clear", "setdefault" ->
                map.entries().containsKey(name) ? null : refuse(name);
            default -> null;
        };
    }

    private static @Nullable Value ofList(Value.Sequence list, String name, Budget budget) {
        return switch (name) {
            case "index" ->
                method(name, budget, arguments -> {
                    var wanted = arguments.need(0, "value", name);
                    for (var i = 0; i < list.items().size(); i++) {
                        budget.step();
                        if (Values.equal(list.items().get(i), wanted)) {
                            return new Value.Int(i);
                        }
                    }
                    throw new TemplateException(Kind.VALUE, "The list does not hold the value that index looks for.");
                });
            case "count" ->
                method(name, budget, arguments -> {
                    var wanted = arguments.need(0, "value", name);
                    var count = 0L;
                    for (var item : list.items()) {
                        budget.step();
                        count += Values.equal(item, wanted) ? 1 : 0;
                    }
                    return new Value.Int(count);
                });
            case "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse" -> refuse(name);
            default -> null;
        };
    }

    static Value entries(Value.Mapping map, Budget budget) {
        budget.allocate(2L * map.entries().size());
        var items = new ArrayList<Value>();
        map.entries().forEach((key, value) -> items.add(Value.pair(new Value.Text(key), value)));
        return Value.listOf(items);
    }

    private static Value refuse(String name) {
        return new Named(name, _ -> {
            throw refused(name);
        });
    }

    private static TemplateException refused(String name) {
        return new TemplateException(Kind.FORBIDDEN, "A template may not call '" + name + "'.");
    }

    private static Value made(String text, Budget budget) {
        budget.allocate(text.length());
        return new Value.Text(text);
    }

    private static Value texts(List<String> parts, Budget budget) {
        var items = new ArrayList<Value>(parts.size());
        parts.forEach(part -> items.add(made(part, budget)));
        return Value.listOf(items);
    }

    private static String strip(String text, String name, Arguments arguments) {
        var letters = arguments.get(0, "chars");
        return Words.strip(
                text,
                letters == null || letters instanceof Value.None ? null : Values.text(letters, name),
                !name.equals("rstrip"),
                !name.equals("lstrip"));
    }

    private static Value affix(Arguments arguments, String name, java.util.function.Predicate<String> test) {
        var wanted = arguments.need(0, "prefix", name);
        if (wanted instanceof Value.Sequence list) {
            for (var item : list.items()) {
                if (test.test(Values.text(item, name))) {
                    return Value.Bool.TRUE;
                }
            }
            return Value.Bool.FALSE;
        }
        return Value.Bool.of(test.test(Values.text(wanted, name)));
    }

    private static Value split(String text, String name, Arguments arguments, Budget budget) {
        var given = arguments.get(0, "sep");
        var separator = given == null || given instanceof Value.None ? null : Values.text(given, name);
        if (separator != null && separator.isEmpty()) {
            throw new TemplateException(Kind.VALUE, name + " cannot cut at an empty string.");
        }
        var count = arguments.number(1, "maxsplit", -1, name);
        return texts(
                name.equals("split")
                        ? Words.split(text, separator, count, budget)
                        : Words.splitRight(text, separator, count, budget),
                budget);
    }

    private static Value find(String text, String name, Arguments arguments) {
        var wanted = arguments.text(0, "sub", name);
        var at = name.equals("find") ? text.indexOf(wanted) : text.lastIndexOf(wanted);
        return new Value.Int(at < 0 ? -1 : text.codePointCount(0, at));
    }

    private static Value count(String text, String wanted, Budget budget) {
        if (wanted.isEmpty()) {
            return new Value.Int(text.codePointCount(0, text.length()) + 1L);
        }
        var count = 0L;
        for (var at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length())) {
            budget.step();
            count++;
        }
        return new Value.Int(count);
    }

    private static Value all(String text, java.util.function.IntPredicate test) {
        return Value.Bool.of(!text.isEmpty() && text.codePoints().allMatch(test));
    }
}
