package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads statements.
final class Parser {
    private static final Set<String> FORBIDDEN = Set.of("include", "import", "extends", "from", "block", "do", "call");

    private final TokenReader tokens;
    private final ExpressionParser expressions;
    private int loops;

    private Parser(List<Token> tokens) {
        this.tokens = new TokenReader(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    static List<Statement> parse(String source, boolean trims) {
        var parser = new Parser(Lexer.tokens(source, trims));
        var body = parser.body(Set.of());
        if (parser.tokens.peek().kind() != Token.Kind.END) {
            throw parser.tokens.fault("'" + parser.tokens.peek(1).text() + "' closes nothing");
        }
        return body;
    }

    /// Reads up to a block that begins with one of the words, which stays unread, or to the end of the
    /// template.
    private List<Statement> body(Set<String> ends) {
        tokens.enter();
        var body = new ArrayList<Statement>();
        while (true) {
            var token = tokens.peek();
            switch (token.kind()) {
                case DATA -> body.add(new Statement.Data(tokens.take().text()));
                case VARIABLE_BEGIN -> {
                    tokens.take();
                    body.add(new Statement.Output(expressions.tuple()));
                    tokens.need(Token.Kind.VARIABLE_END, "'}}'");
                }
                case BLOCK_BEGIN -> {
                    var word = tokens.peek(1).text();
                    if (ends.contains(word) || (word.startsWith("end") && ends.isEmpty()) || isBranch(word)) {
                        tokens.leave();
                        return body;
                    }
                    tokens.take();
                    body.add(statement());
                }
                case END -> {
                    if (!ends.isEmpty()) {
                        throw tokens.fault("one of " + ends.stream().sorted().toList() + " is missing");
                    }
                    tokens.leave();
                    return body;
                }
                default -> throw tokens.fault("'" + token.text() + "' stands outside a block");
            }
        }
    }

    private static boolean isBranch(String word) {
        return word.equals("else") || word.equals("elif");
    }

    private Statement statement() {
        var word = tokens.need(Token.Kind.NAME, "a statement").text();
        return switch (word) {
            case "if" -> condition();
            case "for" -> loop();
            case "set" -> assignment();
            case "macro" -> macro();
            case "filter" -> filterBlock();
            case "generation" -> {
                end();
                yield new Statement.Block(bodyUntil("endgeneration"));
            }
            case "break", "continue" -> {
                if (loops == 0) {
                    throw tokens.fault("'" + word + "' stands outside a loop");
                }
                end();
                yield word.equals("break") ? new Statement.Break() : new Statement.Continue();
            }
            default -> throw unknown(word);
        };
    }

    private TemplateException unknown(String word) {
        if (FORBIDDEN.contains(word)) {
            return new TemplateException(
                    Kind.FORBIDDEN, "line " + tokens.peek().line() + ": a chat template may not use '" + word + "'.");
        }
        return tokens.fault("'" + word + "' is not a statement of chat templates");
    }

    private void end() {
        tokens.need(Token.Kind.BLOCK_END, "'%}'");
    }

    private List<Statement> bodyUntil(String word) {
        var body = body(Set.of(word));
        close(word);
        return body;
    }

    private void close(String word) {
        tokens.take();
        if (!tokens.takeName(word)) {
            throw tokens.fault(
                    "expected '" + word + "', found '" + tokens.peek().text() + "'");
        }
        if (tokens.peek().kind() == Token.Kind.NAME && word.equals("endmacro")) {
            tokens.take();
        }
        end();
    }

    private Statement condition() {
        var test = expressions.tuple();
        end();
        var then = body(Set.of("endif", "else", "elif"));
        var word = tokens.peek(1).text();
        if (word.equals("elif")) {
            tokens.take();
            tokens.take();
            tokens.enter();
            var rest = condition();
            tokens.leave();
            return new Statement.If(test, then, List.of(rest));
        }
        List<Statement> otherwise = List.of();
        if (word.equals("else")) {
            tokens.take();
            tokens.take();
            end();
            otherwise = body(Set.of("endif"));
        }
        close("endif");
        return new Statement.If(test, then, otherwise);
    }

    private Statement loop() {
        var targets = targets();
        if (!tokens.takeName("in")) {
            throw tokens.fault("expected 'in', found '" + tokens.peek().text() + "'");
        }
        var source = expressions.source();
        if (tokens.isOperator(",")) {
            var items = new ArrayList<Expression>(List.of(source));
            while (tokens.takeOperator(",")) {
                items.add(expressions.source());
            }
            source = new Expression.ListOf(items, true);
        }
        var condition = tokens.takeName("if") ? expressions.expression() : null;
        var recursive = tokens.takeName("recursive");
        end();
        loops++;
        var body = body(Set.of("endfor", "else"));
        loops--;
        List<Statement> otherwise = List.of();
        if (tokens.peek(1).text().equals("else")) {
            tokens.take();
            tokens.take();
            end();
            otherwise = body(Set.of("endfor"));
        }
        close("endfor");
        return new Statement.For(targets, source, condition, body, otherwise, recursive);
    }

    private List<String> targets() {
        var open = tokens.takeOperator("(");
        var names = new ArrayList<String>();
        do {
            names.add(tokens.need(Token.Kind.NAME, "a variable's name").text());
        } while (tokens.takeOperator(","));
        if (open) {
            tokens.needOperator(")");
        }
        return names;
    }

    private Statement assignment() {
        if (tokens.peek(1).is(Token.Kind.OPERATOR, ".")) {
            var namespace = tokens.need(Token.Kind.NAME, "a namespace").text();
            tokens.take();
            var member = tokens.need(Token.Kind.NAME, "a name").text();
            tokens.needOperator("=");
            var value = expressions.tuple();
            end();
            return new Statement.AssignMember(namespace, member, value);
        }
        var names = targets();
        if (tokens.takeOperator("=")) {
            var value = expressions.tuple();
            end();
            return new Statement.Assign(names, value);
        }
        var filters = tokens.takeOperator("|") ? filterCalls() : List.<Statement.FilterCall>of();
        end();
        return new Statement.AssignBlock(names.getFirst(), bodyUntil("endset"), filters);
    }

    private List<Statement.FilterCall> filterCalls() {
        var calls = new ArrayList<Statement.FilterCall>();
        do {
            calls.add(expressions.filterCall());
        } while (tokens.takeOperator("|"));
        return calls;
    }

    private Statement filterBlock() {
        var filters = filterCalls();
        end();
        return new Statement.FilterBlock(filters, bodyUntil("endfilter"));
    }

    private Statement macro() {
        var name = tokens.need(Token.Kind.NAME, "the macro's name").text();
        tokens.needOperator("(");
        var parameters = new ArrayList<String>();
        var defaults = new ArrayList<@Nullable Expression>();
        while (!tokens.takeOperator(")")) {
            parameters.add(tokens.need(Token.Kind.NAME, "a parameter's name").text());
            defaults.add(tokens.takeOperator("=") ? expressions.expression() : null);
            if (!tokens.isOperator(")")) {
                tokens.needOperator(",");
            }
        }
        end();
        var outer = loops;
        loops = 0;
        var body = bodyUntil("endmacro");
        loops = outer;
        return new Statement.Macro(name, parameters, defaults, body);
    }
}
