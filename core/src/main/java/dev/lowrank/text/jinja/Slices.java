package dev.lowrank.text.jinja;

import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/// Items by number and slices, with Python's negative indices; a string's items are its code points.
final class Slices {
    private Slices() {}

    static Value item(Value target, Value key) {
        var index = Values.integer(key, "An index");
        var size = Values.length(target);
        var at = index < 0 ? index + size : index;
        if (at < 0 || at >= size) {
            return new Value.Undefined("[" + index + "]");
        }
        return switch (target) {
            case Value.Sequence list -> list.items().get((int) at);
            case Value.Text text ->
                new Value.Text(
                        Character.toString(text.value().codePointAt(text.value().offsetByCodePoints(0, (int) at))));
            default -> new Value.Undefined("[" + index + "]");
        };
    }

    static Value slice(Value target, @Nullable Value start, @Nullable Value stop, @Nullable Value step, Budget budget) {
        var by = number(step, 1);
        if (by == 0) {
            throw new TemplateException(TemplateException.Kind.VALUE, "A slice's step cannot be 0.");
        }
        if (!(target instanceof Value.Text) && !(target instanceof Value.Sequence)) {
            throw Values.wrong("A slice", "a list or a string", target);
        }
        var items = Values.items(target, budget);
        var size = items.size();
        var low = by > 0 ? 0 : -1;
        var high = by > 0 ? size : size - 1;
        var from = clamp(start, by > 0 ? low : high, low, high, size);
        var to = clamp(stop, by > 0 ? high : low, low, high, size);
        var taken = new ArrayList<Value>();
        for (var i = from; by > 0 ? i < to : i > to; i += by) {
            taken.add(items.get((int) i));
        }
        if (target instanceof Value.Sequence list) {
            return new Value.Sequence(taken, list.tuple());
        }
        var text = new StringBuilder();
        taken.forEach(letter -> text.append(((Value.Text) letter).value()));
        return new Value.Text(text.toString());
    }

    private static long clamp(@Nullable Value value, long absent, long low, long high, long size) {
        if (value == null || value instanceof Value.None) {
            return absent;
        }
        var index = Values.integer(value, "A slice");
        return Math.clamp(index < 0 ? index + size : index, low, high);
    }

    private static long number(@Nullable Value value, long fallback) {
        if (value == null || value instanceof Value.None) {
            return fallback;
        }
        return Math.clamp(Values.integer(value, "A slice"), -Budget.MAX_OUTPUT, Budget.MAX_OUTPUT);
    }
}
