package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;

/// Computes expressions.
final class Evaluator {
    /// The key under which a dictionary of the engine holds what calling it does; no template can spell it.
    static final String CALL = "\0call";

    private final Budget budget;
    private final Filters filters;

    Evaluator(Budget budget) {
        this(budget, new Filters(budget));
    }

    Evaluator(Budget budget, Filters filters) {
        this.budget = budget;
        this.filters = filters;
    }

    Value value(Expression expression, Scope scope) {
        budget.step();
        return switch (expression) {
            case Expression.Literal literal -> literal.value();
            case Expression.Name name -> {
                var value = scope.get(name.name());
                yield value == null ? unknown(name.name()) : value;
            }
            case Expression.ListOf list -> {
                budget.allocate(list.items().size());
                var items = new ArrayList<Value>(list.items().size());
                list.items().forEach(item -> items.add(value(item, scope)));
                yield new Value.Sequence(items, list.tuple());
            }
            case Expression.MapOf map -> map(map, scope);
            case Expression.Attribute attribute -> attribute(value(attribute.target(), scope), attribute.name());
            case Expression.Item item -> item(value(item.target(), scope), value(item.key(), scope));
            case Expression.Slice slice ->
                Slices.slice(
                        value(slice.target(), scope),
                        bound(slice.start(), scope),
                        bound(slice.stop(), scope),
                        bound(slice.step(), scope),
                        budget);
            case Expression.Call call -> call(value(call.target(), scope), arguments(call.arguments(), scope));
            case Expression.Filter filter ->
                filter(filter.name(), value(filter.target(), scope), arguments(filter.arguments(), scope));
            case Expression.Test test -> {
                var holds = Tests.holds(
                        test.name(), value(test.target(), scope), arguments(test.arguments(), scope), budget);
                yield Value.Bool.of(holds != test.negated());
            }
            case Expression.Unary unary -> unary(unary.operator(), value(unary.operand(), scope));
            case Expression.Binary binary -> binary(binary, scope);
            case Expression.Compare compare -> Value.Bool.of(compare(compare, scope));
            case Expression.Condition condition -> {
                if (Values.truth(value(condition.test(), scope))) {
                    yield value(condition.then(), scope);
                }
                var otherwise = condition.otherwise();
                yield otherwise == null ? new Value.Undefined("else") : value(otherwise, scope);
            }
        };
    }

    private static Value unknown(String name) {
        checkName(name);
        return new Value.Undefined(name);
    }

    private static void checkName(String name) {
        if (name.startsWith("_")) {
            throw new TemplateException(Kind.FORBIDDEN, "A template may not use the name '" + name + "'.");
        }
    }

    private @Nullable Value bound(@Nullable Expression expression, Scope scope) {
        return expression == null ? null : value(expression, scope);
    }

    private Value map(Expression.MapOf map, Scope scope) {
        budget.allocate(map.keys().size());
        var entries = new LinkedHashMap<String, Value>();
        for (var i = 0; i < map.keys().size(); i++) {
            entries.put(
                    Values.text(value(map.keys().get(i), scope), "A dictionary's key"),
                    value(map.values().get(i), scope));
        }
        return new Value.Mapping(entries);
    }

    Arguments arguments(Expression.CallArguments arguments, Scope scope) {
        if (arguments.positional().isEmpty() && arguments.named().isEmpty()) {
            return Arguments.NONE;
        }
        var positional = new ArrayList<Value>(arguments.positional().size());
        arguments.positional().forEach(argument -> positional.add(value(argument, scope)));
        var named = new LinkedHashMap<String, Value>();
        arguments.named().forEach((name, argument) -> named.put(name, value(argument, scope)));
        return new Arguments(positional, named);
    }

    Value filter(String name, Value value, Arguments arguments) {
        return filters.apply(name, value, arguments);
    }

    Value attribute(Value target, String name) {
        checkName(name);
        if (target instanceof Value.Undefined undefined) {
            throw new TemplateException(
                    Kind.VALUE, "'" + undefined.name() + "' is undefined, so it has no '" + name + "'.");
        }
        if (target instanceof Value.Namespace namespace) {
            return namespace.entries().getOrDefault(name, new Value.Undefined(name));
        }
        var method = Methods.of(target, name, budget);
        if (method != null) {
            return method;
        }
        var entry = target instanceof Value.Mapping map ? map.entries().get(name) : null;
        return entry == null ? new Value.Undefined(name) : entry;
    }

    Value item(Value target, Value key) {
        if (target instanceof Value.Undefined undefined) {
            throw new TemplateException(Kind.VALUE, "'" + undefined.name() + "' is undefined, so it has no items.");
        }
        if (key instanceof Value.Text name) {
            var entry = target instanceof Value.Mapping map ? map.entries().get(name.value()) : null;
            return entry == null ? attribute(target, name.value()) : entry;
        }
        return Slices.item(target, key);
    }

    private Value call(Value target, Arguments arguments) {
        return switch (target) {
            case Value.Callable callable -> callable.call(arguments);
            case Value.Mapping map
            when map.entries().get(CALL) instanceof Value.Callable callable -> callable.call(arguments);
            case Value.Undefined undefined ->
                throw new TemplateException(Kind.FORBIDDEN, "There is no function '" + undefined.name() + "'.");
            default -> throw new TemplateException(Kind.FORBIDDEN, Values.type(target) + " cannot be called.");
        };
    }

    private static Value unary(String operator, Value operand) {
        return switch (operator) {
            case "not" -> Value.Bool.of(!Values.truth(operand));
            case "-" ->
                operand instanceof Value.Real number
                        ? new Value.Real(-number.value())
                        : new Value.Int(Math.negateExact(Values.integer(operand, "'-'")));
            default -> operand instanceof Value.Real ? operand : new Value.Int(Values.integer(operand, "'+'"));
        };
    }

    private Value binary(Expression.Binary binary, Scope scope) {
        var left = value(binary.left(), scope);
        return switch (binary.operator()) {
            case "and" -> Values.truth(left) ? value(binary.right(), scope) : left;
            case "or" -> Values.truth(left) ? left : value(binary.right(), scope);
            default -> Operators.apply(binary.operator(), left, value(binary.right(), scope), budget);
        };
    }

    private boolean compare(Expression.Compare compare, Scope scope) {
        var left = value(compare.first(), scope);
        for (var i = 0; i < compare.operators().size(); i++) {
            var right = value(compare.others().get(i), scope);
            if (!Tests.compare(compare.operators().get(i), left, right, budget)) {
                return false;
            }
            left = right;
        }
        return true;
    }
}
