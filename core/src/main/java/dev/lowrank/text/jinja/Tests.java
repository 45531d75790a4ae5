package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.Locale;

/// What stands after `is`, and the comparison operators, which are tests too.
final class Tests {
    private Tests() {}

    static boolean holds(String name, Value value, Arguments arguments, Budget budget) {
        return switch (name) {
            case "defined" -> !(value instanceof Value.Undefined);
            case "undefined" -> value instanceof Value.Undefined;
            case "none" -> value instanceof Value.None;
            case "string" -> value instanceof Value.Text;
            case "mapping" -> value instanceof Value.Mapping;
            case "sequence", "iterable" ->
                value instanceof Value.Sequence
                        || value instanceof Value.Text
                        || value instanceof Value.Mapping
                        || (name.equals("iterable") && value instanceof Value.Undefined);
            case "number" -> Values.isNumber(value);
            case "integer" -> value instanceof Value.Int;
            case "float" -> value instanceof Value.Real;
            case "boolean" -> value instanceof Value.Bool;
            case "true" -> value == Value.Bool.TRUE;
            case "false" -> value == Value.Bool.FALSE;
            case "callable" -> value instanceof Value.Callable;
            case "odd" -> Math.floorMod(Values.integer(value, name), 2L) == 1;
            case "even" -> Math.floorMod(Values.integer(value, name), 2L) == 0;
            case "divisibleby" -> divides(value, arguments);
            case "lower", "upper" -> isCase(name, value, budget);
            case "sameas" -> same(value, arguments.need(0, "other", name));
            case "eq", "equalto", "==" -> compare("==", value, arguments.need(0, "other", name), budget);
            case "ne", "!=" -> compare("!=", value, arguments.need(0, "other", name), budget);
            case "lt", "lessthan", "<" -> compare("<", value, arguments.need(0, "other", name), budget);
            case "le", "<=" -> compare("<=", value, arguments.need(0, "other", name), budget);
            case "gt", "greaterthan", ">" -> compare(">", value, arguments.need(0, "other", name), budget);
            case "ge", ">=" -> compare(">=", value, arguments.need(0, "other", name), budget);
            case "in" -> compare("in", value, arguments.need(0, "seq", name), budget);
            default -> throw new TemplateException(Kind.SYNTAX, "There is no test '" + name + "'.");
        };
    }

    static boolean compare(String operator, Value left, Value right, Budget budget) {
        return switch (operator) {
            case "==" -> Values.equal(left, right);
            case "!=" -> !Values.equal(left, right);
            case "<" -> Values.compare(left, right) < 0;
            case "<=" -> Values.compare(left, right) <= 0;
            case ">" -> Values.compare(left, right) > 0;
            case ">=" -> Values.compare(left, right) >= 0;
            case "in" -> Values.contains(right, left, budget);
            case "not in" -> !Values.contains(right, left, budget);
            default -> throw new IllegalStateException(operator);
        };
    }

    private static boolean divides(Value value, Arguments arguments) {
        var by = Values.integer(arguments.need(0, "num", "divisibleby"), "divisibleby");
        if (by == 0) {
            throw new TemplateException(Kind.VALUE, "divisibleby cannot take 0.");
        }
        return Values.integer(value, "divisibleby") % by == 0;
    }

    private static boolean isCase(String name, Value value, Budget budget) {
        var text = Printer.text(value, budget);
        var letters = text.codePoints().anyMatch(Character::isLetter);
        var same = name.equals("lower") ? text.toLowerCase(Locale.ROOT) : text.toUpperCase(Locale.ROOT);
        return letters && text.equals(same);
    }

    private static boolean same(Value left, Value right) {
        return left.getClass() == right.getClass() && Values.equal(left, right);
    }
}
