package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Locale;

/// The functions that every template can call.
final class Globals {
    private Globals() {}

    static void define(Scope scope, LocalDateTime now, Budget budget) {
        define(scope, "raise_exception", arguments -> {
            throw new TemplateException(
                    Kind.RAISED, Printer.text(arguments.need(0, "message", "raise_exception"), budget));
        });
        define(
                scope,
                "strftime_now",
                arguments -> new Value.Text(format(arguments.text(0, "format", "strftime_now"), now)));
        define(scope, "range", arguments -> range(arguments, budget));
        define(scope, "namespace", arguments -> {
            var entries = new LinkedHashMap<>(arguments.named());
            arguments.positional().forEach(value -> entries.putAll(entriesOf(value)));
            return new Value.Namespace(entries);
        });
        define(scope, "dict", arguments -> {
            var entries = new LinkedHashMap<String, Value>();
            arguments.positional().forEach(value -> entries.putAll(entriesOf(value)));
            entries.putAll(arguments.named());
            budget.allocate(entries.size());
            return new Value.Mapping(entries);
        });
    }

    private static void define(Scope scope, String name, java.util.function.Function<Arguments, Value> body) {
        scope.set(name, new Named(name, body));
    }

    private static java.util.Map<String, Value> entriesOf(Value value) {
        if (value instanceof Value.Mapping map) {
            return map.entries();
        }
        throw Values.wrong("dict", "a dictionary", value);
    }

    private static Value range(Arguments arguments, Budget budget) {
        var first = Values.integer(arguments.need(0, "start", "range"), "range");
        var bounded = arguments.positional().size() > 1;
        var start = bounded ? first : 0;
        var stop = bounded ? arguments.number(1, "stop", 0, "range") : first;
        var step = arguments.number(2, "step", 1, "range");
        if (step == 0) {
            throw new TemplateException(Kind.VALUE, "A range's step cannot be 0.");
        }
        var distance = Math.max(0.0, ((double) stop - start) / step);
        budget.range((long) Math.ceil(distance));
        var numbers = new ArrayList<Value>();
        for (var i = start; step > 0 ? i < stop : i > stop; i += step) {
            numbers.add(new Value.Int(i));
        }
        budget.allocate(numbers.size());
        return Value.listOf(numbers);
    }

    private static String format(String pattern, LocalDateTime now) {
        var out = new StringBuilder();
        for (var i = 0; i < pattern.length(); i++) {
            if (pattern.charAt(i) != '%' || i + 1 == pattern.length()) {
                out.append(pattern.charAt(i));
                continue;
            }
            var plain = pattern.charAt(i + 1) == '-' && i + 2 < pattern.length();
            i += plain ? 2 : 1;
            out.append(field(pattern.charAt(i), plain, now));
        }
        return out.toString();
    }

    private static String field(char code, boolean plain, LocalDateTime now) {
        var java = switch (code) {
            case 'd' -> plain ? "d" : "dd";
            case 'm' -> plain ? "M" : "MM";
            case 'H' -> plain ? "H" : "HH";
            case 'I' -> plain ? "h" : "hh";
            case 'M' -> plain ? "m" : "mm";
            case 'S' -> plain ? "s" : "ss";
            case 'j' -> plain ? "D" : "DDD";
            case 'Y' -> "yyyy";
            case 'y' -> "yy";
            case 'b' -> "MMM";
            case 'B' -> "MMMM";
            case 'a' -> "EEE";
            case 'A' -> "EEEE";
            case 'p' -> "a";
            case '%' -> "'%'";
            default -> throw new TemplateException(Kind.VALUE, "strftime_now does not know the code '%" + code + "'.");
        };
        return DateTimeFormatter.ofPattern(java, Locale.US).format(now);
    }
}
