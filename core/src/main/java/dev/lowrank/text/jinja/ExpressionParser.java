package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.Expression.CallArguments;
import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads expressions, with Jinja's precedence.
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", ">", "<=", ">=");
    /// A chain of operators or postfixes makes a tree that deep; the interpreter descends it.
    private static final int MAX_CHAIN = 400;

    private final TokenReader tokens;

    ExpressionParser(TokenReader tokens) {
        this.tokens = tokens;
    }

    /// @return an expression; a tuple where commas follow
    Expression tuple() {
        var first = expression();
        if (!tokens.isOperator(",")) {
            return first;
        }
        var items = new ArrayList<Expression>(List.of(first));
        while (tokens.takeOperator(",")) {
            if (endsTuple()) {
                break;
            }
            items.add(expression());
        }
        return new Expression.ListOf(items, true);
    }

    private boolean endsTuple() {
        var kind = tokens.peek().kind();
        return kind == Token.Kind.BLOCK_END || kind == Token.Kind.VARIABLE_END || tokens.isOperator(")");
    }

    Expression expression() {
        tokens.enter();
        var value = or();
        while (tokens.takeName("if")) {
            var test = or();
            var otherwise = tokens.takeName("else") ? expression() : null;
            value = new Expression.Condition(test, value, otherwise);
        }
        tokens.leave();
        return value;
    }

    /// An expression without a trailing condition, as a loop's source needs it: its `if` filters the items.
    Expression source() {
        return or();
    }

    private Expression or() {
        var left = and();
        for (var chain = 0; tokens.takeName("or"); chain++) {
            checkChain(chain);
            left = new Expression.Binary("or", left, and());
        }
        return left;
    }

    private Expression and() {
        var left = not();
        for (var chain = 0; tokens.takeName("and"); chain++) {
            checkChain(chain);
            left = new Expression.Binary("and", left, not());
        }
        return left;
    }

    private Expression not() {
        if (!tokens.takeName("not")) {
            return compare();
        }
        tokens.enter();
        var operand = new Expression.Unary("not", not());
        tokens.leave();
        return operand;
    }

    private Expression compare() {
        var first = sum();
        var operators = new ArrayList<String>();
        var others = new ArrayList<Expression>();
        while (true) {
            var token = tokens.peek();
            if (token.kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token.text())) {
                operators.add(tokens.take().text());
            } else if (tokens.takeName("in")) {
                operators.add("in");
            } else if (tokens.isName("not") && tokens.peek(1).is(Token.Kind.NAME, "in")) {
                tokens.take();
                tokens.take();
                operators.add("not in");
            } else {
                return operators.isEmpty() ? first : new Expression.Compare(first, operators, others);
            }
            others.add(sum());
        }
    }

    private Expression sum() {
        var left = concatenation();
        for (var chain = 0; tokens.isOperator("+") || tokens.isOperator("-"); chain++) {
            checkChain(chain);
            left = new Expression.Binary(tokens.take().text(), left, concatenation());
        }
        return left;
    }

    private Expression concatenation() {
        var left = product();
        for (var chain = 0; tokens.takeOperator("~"); chain++) {
            checkChain(chain);
            left = new Expression.Binary("~", left, product());
        }
        return left;
    }

    private Expression product() {
        var left = power();
        for (var chain = 0;
                tokens.isOperator("*") || tokens.isOperator("/") || tokens.isOperator("//") || tokens.isOperator("%");
                chain++) {
            checkChain(chain);
            left = new Expression.Binary(tokens.take().text(), left, power());
        }
        return left;
    }

    private Expression power() {
        var left = unary(true);
        for (var chain = 0; tokens.takeOperator("**"); chain++) {
            checkChain(chain);
            left = new Expression.Binary("**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean withFilters) {
        Expression value;
        if (tokens.isOperator("-") || tokens.isOperator("+")) {
            tokens.enter();
            value = new Expression.Unary(tokens.take().text(), unary(false));
            tokens.leave();
        } else {
            value = primary();
        }
        value = postfix(value);
        return withFilters ? filters(value) : value;
    }

    private Expression primary() {
        var token = tokens.take();
        return switch (token.kind()) {
            case NAME -> name(token.text());
            case STRING -> new Expression.Literal(new Value.Text(strings(token.text())));
            case INTEGER -> new Expression.Literal(integer(token.text()));
            case FLOAT -> new Expression.Literal(new Value.Real(Double.parseDouble(token.text())));
            case OPERATOR -> bracket(token);
            default -> throw tokens.fault("expected a value, found '" + token.text() + "'");
        };
    }

    private String strings(String first) {
        if (tokens.peek().kind() != Token.Kind.STRING) {
            return first;
        }
        var joined = new StringBuilder(first);
        while (tokens.peek().kind() == Token.Kind.STRING) {
            joined.append(tokens.take().text());
        }
        return joined.toString();
    }

    private static Value integer(String digits) {
        try {
            return new Value.Int(Long.parseLong(digits));
        } catch (NumberFormatException e) {
            throw new TemplateException(Kind.BUDGET, "The number " + digits.length() + " digits long is too large.");
        }
    }

    private static Expression name(String name) {
        return switch (name) {
            case "true", "True" -> new Expression.Literal(Value.Bool.TRUE);
            case "false", "False" -> new Expression.Literal(Value.Bool.FALSE);
            case "none", "None" -> new Expression.Literal(Value.None.NONE);
            default -> new Expression.Name(name);
        };
    }

    private Expression bracket(Token open) {
        return switch (open.text()) {
            case "(" -> {
                if (tokens.takeOperator(")")) {
                    yield new Expression.ListOf(List.of(), true);
                }
                var inner = tuple();
                tokens.needOperator(")");
                yield inner;
            }
            case "[" -> {
                var items = new ArrayList<Expression>();
                while (!tokens.takeOperator("]")) {
                    items.add(expression());
                    if (!tokens.isOperator("]")) {
                        tokens.needOperator(",");
                    }
                }
                yield new Expression.ListOf(items, false);
            }
            case "{" -> map();
            default -> throw tokens.fault("expected a value, found '" + open.text() + "'");
        };
    }

    private Expression map() {
        var keys = new ArrayList<Expression>();
        var values = new ArrayList<Expression>();
        while (!tokens.takeOperator("}")) {
            keys.add(expression());
            tokens.needOperator(":");
            values.add(expression());
            if (!tokens.isOperator("}")) {
                tokens.needOperator(",");
            }
        }
        return new Expression.MapOf(keys, values);
    }

    private Expression postfix(Expression start) {
        var value = start;
        for (var chain = 0; ; chain++) {
            checkChain(chain);
            if (tokens.takeOperator(".")) {
                var token = tokens.take();
                value = switch (token.kind()) {
                    case NAME -> new Expression.Attribute(value, token.text());
                    case INTEGER -> new Expression.Item(value, new Expression.Literal(integer(token.text())));
                    default -> throw tokens.fault("expected a name after '.', found '" + token.text() + "'");
                };
            } else if (tokens.takeOperator("[")) {
                value = subscript(value);
            } else if (tokens.isOperator("(")) {
                value = new Expression.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    private Expression subscript(Expression target) {
        var start = tokens.isOperator(":") ? null : expression();
        if (start != null && tokens.takeOperator("]")) {
            return new Expression.Item(target, start);
        }
        tokens.needOperator(":");
        var stop = bound();
        var step = tokens.takeOperator(":") ? bound() : null;
        tokens.needOperator("]");
        return new Expression.Slice(target, start, stop, step);
    }

    private @Nullable Expression bound() {
        return tokens.isOperator(":") || tokens.isOperator("]") ? null : expression();
    }

    private Expression filters(Expression start) {
        var value = start;
        for (var chain = 0; ; chain++) {
            checkChain(chain);
            if (tokens.takeOperator("|")) {
                var filter = filterCall();
                value = postfix(new Expression.Filter(value, filter.name(), filter.arguments()));
            } else if (tokens.takeName("is")) {
                value = test(value);
            } else {
                return value;
            }
        }
    }

    Statement.FilterCall filterCall() {
        var name = tokens.need(Token.Kind.NAME, "a filter's name").text();
        return new Statement.FilterCall(name, tokens.isOperator("(") ? arguments() : CallArguments.NONE);
    }

    private Expression test(Expression target) {
        var negated = tokens.takeName("not");
        var token = tokens.take();
        if (token.kind() != Token.Kind.NAME && !COMPARISONS.contains(token.text())) {
            throw tokens.fault("expected a test's name after 'is', found '" + token.text() + "'");
        }
        CallArguments arguments;
        if (tokens.isOperator("(")) {
            arguments = arguments();
        } else if (takesArgument()) {
            arguments = new CallArguments(List.of(postfix(primary())), java.util.Map.of());
        } else {
            arguments = CallArguments.NONE;
        }
        return new Expression.Test(target, token.text(), arguments, negated);
    }

    private boolean takesArgument() {
        var next = tokens.peek();
        return switch (next.kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME ->
                !Set.of("else", "or", "and", "if", "is", "in", "not", "recursive")
                        .contains(next.text());
            case OPERATOR -> next.text().equals("[") || next.text().equals("{");
            default -> false;
        };
    }

    CallArguments arguments() {
        tokens.needOperator("(");
        var positional = new ArrayList<Expression>();
        var named = new LinkedHashMap<String, Expression>();
        while (!tokens.takeOperator(")")) {
            if (tokens.peek().kind() == Token.Kind.NAME && tokens.peek(1).is(Token.Kind.OPERATOR, "=")) {
                var name = tokens.take().text();
                tokens.take();
                named.put(name, expression());
            } else {
                positional.add(expression());
            }
            if (!tokens.isOperator(")")) {
                tokens.needOperator(",");
            }
        }
        return new CallArguments(positional, named);
    }

    private void checkChain(int length) {
        if (length > MAX_CHAIN) {
            throw new TemplateException(Kind.BUDGET, "An expression chains more than " + MAX_CHAIN + " operators.");
        }
    }
}
