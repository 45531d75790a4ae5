package dev.lowrank.text.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What stands in `{{ }}` and after a statement's keyword.
sealed interface Expression {
    record Literal(Value value) implements Expression {}

    record Name(String name) implements Expression {}

    record ListOf(List<Expression> items, boolean tuple) implements Expression {}

    record MapOf(List<Expression> keys, List<Expression> values) implements Expression {}

    record Attribute(Expression target, String name) implements Expression {}

    record Item(Expression target, Expression key) implements Expression {}

    record Slice(
            Expression target,
            @Nullable Expression start,
            @Nullable Expression stop,
            @Nullable Expression step) implements Expression {}

    record Call(Expression target, CallArguments arguments) implements Expression {}

    record Filter(Expression target, String name, CallArguments arguments) implements Expression {}

    record Test(Expression target, String name, CallArguments arguments, boolean negated) implements Expression {}

    record Unary(String operator, Expression operand) implements Expression {}

    record Binary(String operator, Expression left, Expression right) implements Expression {}

    /// Comparisons in a row, each of which must hold: `a < b < c`.
    record Compare(Expression first, List<String> operators, List<Expression> others) implements Expression {}

    record Condition(
            Expression test, Expression then, @Nullable Expression otherwise) implements Expression {}

    /// The arguments of a call as written.
    record CallArguments(List<Expression> positional, Map<String, Expression> named) {
        static final CallArguments NONE = new CallArguments(List.of(), Map.of());
    }
}
