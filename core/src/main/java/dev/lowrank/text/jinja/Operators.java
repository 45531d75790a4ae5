package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;

/// Arithmetic on values. Whole numbers that leave 64 bits end the template instead of wrapping.
final class Operators {
    private Operators() {}

    static Value apply(String operator, Value left, Value right, Budget budget) {
        try {
            return switch (operator) {
                case "~" -> text(Printer.text(left, budget), Printer.text(right, budget), budget);
                case "+" -> add(left, right, budget);
                case "*" -> multiply(left, right, budget);
                default -> arithmetic(operator, left, right);
            };
        } catch (ArithmeticException e) {
            throw Budget.spent("a number that does not fit into 64 bits (" + operator + ")");
        }
    }

    private static Value text(String left, String right, Budget budget) {
        budget.allocate((long) left.length() + right.length());
        return new Value.Text(left + right);
    }

    private static Value add(Value left, Value right, Budget budget) {
        if (left instanceof Value.Text a && right instanceof Value.Text b) {
            return text(a.value(), b.value(), budget);
        }
        if (left instanceof Value.Sequence a && right instanceof Value.Sequence b && a.tuple() == b.tuple()) {
            budget.allocate((long) a.items().size() + b.items().size());
            var joined = new ArrayList<>(a.items());
            joined.addAll(b.items());
            return new Value.Sequence(joined, a.tuple());
        }
        return arithmetic("+", left, right);
    }

    private static Value multiply(Value left, Value right, Budget budget) {
        if (Values.isNumber(left) && !Values.isNumber(right)) {
            return multiply(right, left, budget);
        }
        if (left instanceof Value.Text text) {
            var times = Math.max(0, Values.integer(right, "Repeating a string"));
            budget.allocate(Math.multiplyExact(text.value().length(), times));
            return new Value.Text(text.value().repeat(text.value().isEmpty() ? 0 : (int) times));
        }
        if (left instanceof Value.Sequence list) {
            var times = Math.max(0, Values.integer(right, "Repeating a list"));
            budget.allocate(Math.multiplyExact(list.items().size(), times));
            var items = new ArrayList<Value>();
            for (var i = 0; i < times && !list.items().isEmpty(); i++) {
                items.addAll(list.items());
            }
            return new Value.Sequence(items, list.tuple());
        }
        return arithmetic("*", left, right);
    }

    private static Value arithmetic(String operator, Value left, Value right) {
        if (!Values.isNumber(left) || !Values.isNumber(right)) {
            throw new TemplateException(
                    Kind.VALUE,
                    "'" + operator + "' does not join " + Values.type(left) + " and " + Values.type(right) + ".");
        }
        if (Values.real(right, operator) == 0 && "/,//,%".contains(operator)) {
            throw new TemplateException(Kind.VALUE, "'" + operator + "' by zero.");
        }
        if (left instanceof Value.Real || right instanceof Value.Real || operator.equals("/")) {
            return real(operator, Values.real(left, operator), Values.real(right, operator));
        }
        var a = Values.integer(left, operator);
        var b = Values.integer(right, operator);
        return switch (operator) {
            case "+" -> new Value.Int(Math.addExact(a, b));
            case "-" -> new Value.Int(Math.subtractExact(a, b));
            case "*" -> new Value.Int(Math.multiplyExact(a, b));
            case "//" -> new Value.Int(Math.floorDiv(a, b));
            case "%" -> new Value.Int(Math.floorMod(a, b));
            case "**" -> b < 0 ? new Value.Real(Math.pow((double) a, (double) b)) : new Value.Int(power(a, b));
            default -> throw new IllegalStateException(operator);
        };
    }

    private static Value real(String operator, double a, double b) {
        return new Value.Real(
                switch (operator) {
                    case "+" -> a + b;
                    case "-" -> a - b;
                    case "*" -> a * b;
                    case "/" -> a / b;
                    case "//" -> Math.floor(a / b);
                    case "%" -> a - b * Math.floor(a / b);
                    case "**" -> Math.pow(a, b);
                    default -> throw new IllegalStateException(operator);
                });
    }

    private static long power(long base, long exponent) {
        if (Math.abs(base) > 1 && exponent > 63) {
            throw new ArithmeticException();
        }
        var result = 1L;
        for (var i = 0L; i < (Math.abs(base) > 1 ? exponent : Math.min(exponent, 2 - exponent % 2)); i++) {
            result = Math.multiplyExact(result, base);
        }
        return result;
    }
}
