package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.List;

/// A place in the tokens of a template.
final class TokenReader {
    private static final int MAX_NESTING = 60;

    private final List<Token> tokens;
    private int at;
    private int nesting;

    TokenReader(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token peek() {
        return tokens.get(at);
    }

    Token peek(int ahead) {
        return tokens.get(Math.min(at + ahead, tokens.size() - 1));
    }

    Token take() {
        var token = tokens.get(at);
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    boolean isOperator(String text) {
        return peek().is(Token.Kind.OPERATOR, text);
    }

    boolean isName(String text) {
        return peek().is(Token.Kind.NAME, text);
    }

    boolean takeOperator(String text) {
        var matches = isOperator(text);
        if (matches) {
            take();
        }
        return matches;
    }

    boolean takeName(String text) {
        var matches = isName(text);
        if (matches) {
            take();
        }
        return matches;
    }

    Token need(Token.Kind kind, String what) {
        if (peek().kind() != kind) {
            throw fault("expected " + what + ", found '" + peek().text() + "'");
        }
        return take();
    }

    void needOperator(String text) {
        if (!takeOperator(text)) {
            throw fault("expected '" + text + "', found '" + peek().text() + "'");
        }
    }

    void enter() {
        if (++nesting > MAX_NESTING) {
            throw new TemplateException(
                    Kind.BUDGET,
                    "line " + peek().line() + ": more than " + MAX_NESTING + " levels inside one another.");
        }
    }

    void leave() {
        nesting--;
    }

    TemplateException fault(String what) {
        return new TemplateException(Kind.SYNTAX, "line " + peek().line() + ": " + what + ".");
    }
}
