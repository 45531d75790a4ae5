package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;
import java.util.List;

/// What values mean: truth, equality, order, printing; as in Python, which the templates are written for.
final class Values {
    private Values() {}

    static boolean truth(Value value) {
        return switch (value) {
            case Value.Text text -> !text.value().isEmpty();
            case Value.Int number -> number.value() != 0;
            case Value.Real number -> number.value() != 0;
            case Value.Bool bool -> bool == Value.Bool.TRUE;
            case Value.None _, Value.Undefined _ -> false;
            case Value.Sequence list -> !list.items().isEmpty();
            case Value.Mapping map -> !map.entries().isEmpty();
            case Value.Namespace _, Value.Callable _ -> true;
        };
    }

    static boolean equal(Value left, Value right) {
        if (isNumber(left) && isNumber(right)) {
            return (left instanceof Value.Real || right instanceof Value.Real)
                    ? real(left, "==") == real(right, "==")
                    : integer(left, "==") == integer(right, "==");
        }
        if (left instanceof Value.Undefined && right instanceof Value.Undefined) {
            return true;
        }
        if (left instanceof Value.Sequence a && right instanceof Value.Sequence b) {
            if (a.tuple() != b.tuple() || a.items().size() != b.items().size()) {
                return false;
            }
            for (var i = 0; i < a.items().size(); i++) {
                if (!equal(a.items().get(i), b.items().get(i))) {
                    return false;
                }
            }
            return true;
        }
        return left.equals(right);
    }

    /// @return negative, zero or positive, for two numbers, two strings or two lists
    static int compare(Value left, Value right) {
        if (isNumber(left) && isNumber(right)) {
            return (left instanceof Value.Real || right instanceof Value.Real)
                    ? Double.compare(real(left, "<"), real(right, "<"))
                    : Long.compare(integer(left, "<"), integer(right, "<"));
        }
        if (left instanceof Value.Text a && right instanceof Value.Text b) {
            return compareCodePoints(a.value(), b.value());
        }
        if (left instanceof Value.Sequence a && right instanceof Value.Sequence b) {
            for (var i = 0; i < Math.min(a.items().size(), b.items().size()); i++) {
                if (!equal(a.items().get(i), b.items().get(i))) {
                    return compare(a.items().get(i), b.items().get(i));
                }
            }
            return Integer.compare(a.items().size(), b.items().size());
        }
        throw new TemplateException(Kind.VALUE, type(left) + " and " + type(right) + " have no order.");
    }

    private static int compareCodePoints(String a, String b) {
        var left = a.codePoints().iterator();
        var right = b.codePoints().iterator();
        while (left.hasNext() && right.hasNext()) {
            var difference = Integer.compare(left.nextInt(), right.nextInt());
            if (difference != 0) {
                return difference;
            }
        }
        return Boolean.compare(left.hasNext(), right.hasNext());
    }

    static boolean isNumber(Value value) {
        return value instanceof Value.Int || value instanceof Value.Real || value instanceof Value.Bool;
    }

    static long integer(Value value, String use) {
        return switch (value) {
            case Value.Int number -> number.value();
            case Value.Bool bool -> bool == Value.Bool.TRUE ? 1 : 0;
            default -> throw wrong(use, "a whole number", value);
        };
    }

    static double real(Value value, String use) {
        return value instanceof Value.Real number ? number.value() : integer(value, use);
    }

    static String text(Value value, String use) {
        if (value instanceof Value.Text text) {
            return text.value();
        }
        throw wrong(use, "a string", value);
    }

    static TemplateException wrong(String use, String expected, Value found) {
        return new TemplateException(Kind.VALUE, use + " needs " + expected + ", not " + type(found) + ".");
    }

    static String type(Value value) {
        return switch (value) {
            case Value.Text _ -> "a string";
            case Value.Int _ -> "a whole number";
            case Value.Real _ -> "a number";
            case Value.Bool _ -> "a boolean";
            case Value.None _ -> "none";
            case Value.Undefined undefined -> "'" + undefined.name() + "', which is undefined";
            case Value.Sequence list -> list.tuple() ? "a tuple" : "a list";
            case Value.Mapping _ -> "a dictionary";
            case Value.Namespace _ -> "a namespace";
            case Value.Callable callable -> "the function " + callable.name();
        };
    }

    /// @return the items that a loop over the value sees
    static List<Value> items(Value value, Budget budget) {
        return switch (value) {
            case Value.Sequence list -> list.items();
            case Value.Undefined _ -> List.of();
            case Value.Mapping map -> {
                budget.allocate(map.entries().size());
                var keys = new ArrayList<Value>();
                map.entries().keySet().forEach(key -> keys.add(new Value.Text(key)));
                yield keys;
            }
            case Value.Text text -> {
                budget.allocate(text.value().length());
                var letters = new ArrayList<Value>();
                text.value().codePoints().forEach(point -> letters.add(new Value.Text(Character.toString(point))));
                yield letters;
            }
            default -> throw wrong("A loop", "a list, a dictionary or a string", value);
        };
    }

    static long length(Value value) {
        return switch (value) {
            case Value.Sequence list -> list.items().size();
            case Value.Mapping map -> map.entries().size();
            case Value.Text text -> text.value().codePointCount(0, text.value().length());
            case Value.Undefined _ -> 0;
            default -> throw wrong("length", "a list, a dictionary or a string", value);
        };
    }

    static boolean contains(Value container, Value item, Budget budget) {
        return switch (container) {
            case Value.Text text -> text.value().contains(text(item, "'in' a string"));
            case Value.Mapping map ->
                item instanceof Value.Text key && map.entries().containsKey(key.value());
            default -> {
                var found = false;
                for (var other : items(container, budget)) {
                    budget.step();
                    found = found || equal(other, item);
                }
                yield found;
            }
        };
    }
}
