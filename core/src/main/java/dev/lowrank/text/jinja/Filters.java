package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What stands after `|`.
final class Filters {
    private final Budget budget;

    Filters(Budget budget) {
        this.budget = budget;
    }

    Value apply(String name, Value value, Arguments arguments) {
        budget.step();
        return switch (name) {
            case "trim" -> trim(value, arguments);
            case "lower" -> text(text(value).toLowerCase(Locale.ROOT));
            case "upper" -> text(text(value).toUpperCase(Locale.ROOT));
            case "capitalize" -> text(Words.capitalize(text(value)));
            case "title" -> text(Words.titleWords(text(value)));
            case "string", "safe" -> text(text(value));
            case "replace" -> replace(value, arguments);
            case "indent" -> indent(value, arguments);
            case "tojson" -> json(value, arguments);
            case "length", "count" -> new Value.Int(Values.length(value));
            case "wordcount" ->
                new Value.Int(text(value).isBlank() ? 0 : text(value).strip().split("\\s+").length);
            case "default", "d" -> fallback(value, arguments);
            case "int" -> integer(value, arguments);
            case "float" -> real(value, arguments);
            case "abs" ->
                value instanceof Value.Real number
                        ? new Value.Real(Math.abs(number.value()))
                        : new Value.Int(Math.absExact(Values.integer(value, name)));
            case "round" -> round(value, arguments);
            default -> ofItems(name, value, arguments);
        };
    }

    private Value ofItems(String name, Value value, Arguments arguments) {
        return switch (name) {
            case "join" -> join(value, arguments);
            case "list" -> Value.listOf(items(value));
            case "first", "last" -> end(name, items(value));
            case "items" -> entries(value);
            case "dictsort" -> sorted(items(entries(value)), item -> Slices.item(item, new Value.Int(0)), false);
            case "reverse" -> reverse(value);
            case "sort" -> sorted(items(value), key(arguments.get(2, "attribute")), arguments.flag(0, "reverse"));
            case "unique" -> unique(value, arguments);
            case "sum" -> sum(value, arguments);
            case "min", "max" -> extreme(name, value, arguments);
            case "map" -> map(value, arguments);
            case "select", "reject" -> choose(value, arguments, name.equals("select"), item -> item, 0);
            case "selectattr", "rejectattr" ->
                choose(value, arguments, name.equals("selectattr"), key(arguments.need(0, "attribute", name)), 1);
            default -> throw new TemplateException(Kind.SYNTAX, "There is no filter '" + name + "'.");
        };
    }

    /// Computes a value from an item.
    private interface Key {
        Value of(Value item);
    }

    /// @return the path of names and numbers that an attribute such as `a.b.0` means; the item itself if
    ///     there is
    ///     none
    private Key key(@Nullable Value attribute) {
        if (attribute == null || attribute instanceof Value.None) {
            return item -> item;
        }
        var path = Printer.text(attribute, budget).split("\\.", -1);
        var evaluator = new Evaluator(budget, this);
        return item -> {
            var value = item;
            for (var part : path) {
                value = part.matches("\\d{1,9}")
                        ? Slices.item(value, new Value.Int(Long.parseLong(part)))
                        : evaluator.item(value, new Value.Text(part));
            }
            return value;
        };
    }

    private String text(Value value) {
        return Printer.text(value, budget);
    }

    private Value text(String text) {
        budget.allocate(text.length());
        return new Value.Text(text);
    }

    private List<Value> items(Value value) {
        return Values.items(value, budget);
    }

    private Value trim(Value value, Arguments arguments) {
        var letters = arguments.get(0, "chars");
        return text(Words.strip(text(value), letters == null ? null : Values.text(letters, "trim"), true, true));
    }

    private Value replace(Value value, Arguments arguments) {
        var old = arguments.text(0, "old", "replace");
        var with = arguments.text(1, "new", "replace");
        return text(Words.replace(text(value), old, with, arguments.number(2, "count", -1, "replace"), budget));
    }

    private Value indent(Value value, Arguments arguments) {
        var width = arguments.get(0, "width", new Value.Int(4));
        String space;
        if (width instanceof Value.Text given) {
            space = given.value();
        } else {
            var count = Math.max(0, Values.integer(width, "indent"));
            budget.allocate(count);
            space = " ".repeat((int) count);
        }
        var out = new StringBuilder();
        var lines = text(value).split("\n", -1);
        for (var i = 0; i < lines.length; i++) {
            var wanted = i == 0 ? arguments.flag(1, "first") : !lines[i].isEmpty() || arguments.flag(2, "blank");
            out.append(i == 0 ? "" : "\n").append(wanted ? space : "").append(lines[i]);
            budget.output(out.length());
        }
        return text(out.toString());
    }

    private Value json(Value value, Arguments arguments) {
        var indent = arguments.named().get("indent");
        indent = indent == null && !arguments.positional().isEmpty()
                ? arguments.positional().getFirst()
                : indent;
        var spaces = indent == null || indent instanceof Value.None ? -1 : Values.integer(indent, "tojson");
        var sorted = arguments.named().get("sort_keys");
        return text(Printer.json(value, Math.clamp(spaces, -1, 64), sorted != null && Values.truth(sorted), budget));
    }

    private static Value fallback(Value value, Arguments arguments) {
        var missing = value instanceof Value.Undefined || (arguments.flag(1, "boolean") && !Values.truth(value));
        return missing ? arguments.get(0, "default_value", new Value.Text("")) : value;
    }

    private Value integer(Value value, Arguments arguments) {
        var fallback = arguments.get(0, "default", new Value.Int(0));
        try {
            return switch (value) {
                case Value.Text text ->
                    new Value.Int(
                            text.value().contains(".")
                                    ? (long) Double.parseDouble(text.value().strip())
                                    : Long.parseLong(text.value().strip()));
                case Value.Real number -> new Value.Int((long) number.value());
                default -> Values.isNumber(value) ? new Value.Int(Values.integer(value, "int")) : fallback;
            };
        } catch (NumberFormatException e) {
            return fallback;
        }
    }

    private Value real(Value value, Arguments arguments) {
        var fallback = arguments.get(0, "default", new Value.Real(0));
        try {
            return value instanceof Value.Text text
                    ? new Value.Real(Double.parseDouble(text.value().strip()))
                    : Values.isNumber(value) ? new Value.Real(Values.real(value, "float")) : fallback;
        } catch (NumberFormatException e) {
            return fallback;
        }
    }

    private static Value round(Value value, Arguments arguments) {
        var digits = Math.clamp(arguments.number(0, "precision", 0, "round"), -15, 15);
        var scaled = java.math.BigDecimal.valueOf(Values.real(value, "round"));
        return new Value.Real(
                scaled.setScale(digits, java.math.RoundingMode.HALF_EVEN).doubleValue());
    }

    private Value join(Value value, Arguments arguments) {
        var between = text(arguments.get(0, "d", new Value.Text("")));
        var key = key(arguments.get(1, "attribute"));
        var out = new StringBuilder();
        var first = true;
        for (var item : items(value)) {
            budget.step();
            out.append(first ? "" : between).append(text(key.of(item)));
            first = false;
            budget.output(out.length());
        }
        return text(out.toString());
    }

    private static Value end(String name, List<Value> items) {
        if (items.isEmpty()) {
            return new Value.Undefined(name);
        }
        return name.equals("first") ? items.getFirst() : items.getLast();
    }

    private Value entries(Value value) {
        if (value instanceof Value.Undefined) {
            return Value.listOf(List.of());
        }
        if (!(value instanceof Value.Mapping map)) {
            throw Values.wrong("items", "a dictionary", value);
        }
        return Methods.entries(map, budget);
    }

    private Value reverse(Value value) {
        if (value instanceof Value.Text text) {
            return text(new StringBuilder(text.value()).reverse().toString());
        }
        return Value.listOf(new ArrayList<>(items(value).reversed()));
    }

    private Value sorted(List<Value> items, Key key, boolean reversed) {
        budget.allocate(items.size());
        var sorted = new ArrayList<>(items);
        Comparator<Value> order = (a, b) -> {
            budget.step();
            return Values.compare(folded(key.of(a)), folded(key.of(b)));
        };
        sorted.sort(reversed ? order.reversed() : order);
        return Value.listOf(sorted);
    }

    /// Sorting and comparing items ignores case unless asked otherwise.
    private static Value folded(Value value) {
        return value instanceof Value.Text text ? new Value.Text(text.value().toLowerCase(Locale.ROOT)) : value;
    }

    private Value unique(Value value, Arguments arguments) {
        var key = key(arguments.get(1, "attribute"));
        var kept = new LinkedHashMap<Value, Value>();
        for (var item : items(value)) {
            budget.step();
            kept.putIfAbsent(folded(key.of(item)), item);
        }
        return Value.listOf(new ArrayList<>(kept.values()));
    }

    private Value sum(Value value, Arguments arguments) {
        var key = key(arguments.get(0, "attribute"));
        var total = arguments.get(1, "start", new Value.Int(0));
        for (var item : items(value)) {
            total = Operators.apply("+", total, key.of(item), budget);
        }
        return total;
    }

    private Value extreme(String name, Value value, Arguments arguments) {
        var sorted = (Value.Sequence) sorted(items(value), key(arguments.get(1, "attribute")), name.equals("max"));
        return end("first", sorted.items());
    }

    private Value map(Value value, Arguments arguments) {
        var attribute = arguments.named().get("attribute");
        var fallback = arguments.named().get("default");
        var out = new ArrayList<Value>();
        for (var item : items(value)) {
            budget.step();
            if (attribute == null) {
                out.add(apply(arguments.text(0, "filter", "map"), item, arguments.after(1)));
            } else {
                var found = key(attribute).of(item);
                out.add(found instanceof Value.Undefined && fallback != null ? fallback : found);
            }
        }
        budget.allocate(out.size());
        return Value.listOf(out);
    }

    private Value choose(Value value, Arguments arguments, boolean keep, Key key, int skip) {
        var rest = arguments.after(skip);
        var test = rest.positional().isEmpty()
                ? null
                : Values.text(rest.positional().getFirst(), "select");
        var kept = new ArrayList<Value>();
        for (var item : items(value)) {
            budget.step();
            var subject = key.of(item);
            var holds = test == null ? Values.truth(subject) : Tests.holds(test, subject, rest.after(1), budget);
            if (holds == keep) {
                kept.add(item);
            }
        }
        return Value.listOf(kept);
    }
}
