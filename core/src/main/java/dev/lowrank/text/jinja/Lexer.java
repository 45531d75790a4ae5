package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;
import java.util.List;

/// Cuts template source into tokens. `-` strips whitespace on either side of a tag, `+` keeps it. With the
/// rules of chat templates the line break after a block goes (`trim_blocks`), spaces before a block that
/// begins its line go (`lstrip_blocks`), and so does a line break at the end.
final class Lexer {
    private static final int MAX_SOURCE = 1 << 20;
    private static final String[] OPERATORS = {
        "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "(", ")", "[", "]", "{", "}", ",", ".", ":",
        "|", "=", "<", ">"
    };

    private final String source;
    private final boolean trims;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;
    private boolean stripNext;
    private boolean dropLineBreak;

    private Lexer(String source, boolean trims) {
        this.source = source;
        this.trims = trims;
    }

    /// @param trims whether the rules of chat templates hold
    static List<Token> tokens(String source, boolean trims) {
        if (source.length() > MAX_SOURCE) {
            throw new TemplateException(
                    Kind.BUDGET, "The template has " + source.length() + " characters; at most " + MAX_SOURCE + ".");
        }
        var unix = source.replace("\r\n", "\n").replace('\r', '\n');
        var ends = trims && unix.endsWith("\n");
        return new Lexer(ends ? unix.substring(0, unix.length() - 1) : unix, trims).run();
    }

    private List<Token> run() {
        while (at < source.length()) {
            var open = nextOpen();
            data(open);
            if (open == source.length()) {
                break;
            }
            switch (source.charAt(open + 1)) {
                case '{' -> expression("}}", Token.Kind.VARIABLE_BEGIN, Token.Kind.VARIABLE_END);
                case '%' -> block();
                default -> comment();
            }
        }
        tokens.add(new Token(Token.Kind.END, "end of template", line));
        return tokens;
    }

    private int nextOpen() {
        for (var i = source.indexOf('{', at); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return source.length();
    }

    /// The text up to `open`, with what the marks on both sides take away.
    private void data(int open) {
        var start = at;
        if (stripNext) {
            while (start < open && Character.isWhitespace(source.charAt(start))) {
                start++;
            }
        } else if (dropLineBreak && start < open && source.charAt(start) == '\n') {
            start++;
        }
        var end = open;
        var mark = open + 2 < source.length() ? source.charAt(open + 2) : ' ';
        if (open < source.length() && mark == '-') {
            while (end > start && Character.isWhitespace(source.charAt(end - 1))) {
                end--;
            }
        } else if (open < source.length() && source.charAt(open + 1) != '{' && mark != '+') {
            end = lineStart(start, open);
        }
        if (end > start) {
            tokens.add(new Token(Token.Kind.DATA, source.substring(start, end), line));
        }
        countLines(at, open);
        at = open;
        stripNext = false;
        dropLineBreak = false;
    }

    /// @return where the spaces before a block begin if nothing else stands before it on its line, else
    ///     `open`
    private int lineStart(int start, int open) {
        if (!trims) {
            return open;
        }
        var i = open;
        while (i > start && source.charAt(i - 1) != '\n' && Character.isWhitespace(source.charAt(i - 1))) {
            i--;
        }
        var begins = i == 0 || source.charAt(i - 1) == '\n';
        return begins ? i : open;
    }

    private void comment() {
        var end = source.indexOf("#}", at + 2);
        if (end < 0) {
            throw fault("a comment is not closed with '#}'");
        }
        countLines(at, end);
        stripNext = source.charAt(end - 1) == '-';
        dropLineBreak = trims && source.charAt(end - 1) != '+';
        at = end + 2;
    }

    private void block() {
        var first = tokens.size();
        expression("%}", Token.Kind.BLOCK_BEGIN, Token.Kind.BLOCK_END);
        if (tokens.size() == first + 3 && tokens.get(first + 1).is(Token.Kind.NAME, "raw")) {
            tokens.subList(first, tokens.size()).clear();
            raw();
        }
    }

    private void raw() {
        var close = java.util.regex.Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}")
                .matcher(source);
        if (!close.find(at)) {
            throw fault("a raw block is not closed with 'endraw'");
        }
        var start = stripNext ? skipSpace(at) : at + (dropLineBreak && source.startsWith("\n", at) ? 1 : 0);
        var end = close.start();
        if (close.group(1).equals("-")) {
            while (end > start && Character.isWhitespace(source.charAt(end - 1))) {
                end--;
            }
        } else if (close.group(1).isEmpty()) {
            end = Math.max(start, lineStart(start, close.start()));
        }
        tokens.add(new Token(Token.Kind.DATA, source.substring(Math.min(start, end), end), line));
        countLines(at, close.end());
        stripNext = close.group(2).equals("-");
        dropLineBreak = trims && !close.group(2).equals("+");
        at = close.end();
    }

    private int skipSpace(int from) {
        var i = from;
        while (i < source.length() && Character.isWhitespace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    private void expression(String close, Token.Kind begin, Token.Kind end) {
        tokens.add(new Token(begin, source.substring(at, at + 2), line));
        at += 2;
        if (at < source.length() && (source.charAt(at) == '-' || source.charAt(at) == '+')) {
            at++;
        }
        var braces = 0;
        while (true) {
            skipInnerSpace();
            if (at >= source.length()) {
                throw fault("'" + close + "' is missing");
            }
            if (braces == 0 && closes(close)) {
                tokens.add(new Token(end, close, line));
                return;
            }
            var token = next();
            tokens.add(token);
            if (token.kind() == Token.Kind.OPERATOR) {
                braces += token.text().equals("{") ? 1 : token.text().equals("}") ? -1 : 0;
            }
        }
    }

    private boolean closes(String close) {
        var c = source.charAt(at);
        var marked = (c == '-' || c == '+') && source.startsWith(close, at + 1);
        if (!marked && !source.startsWith(close, at)) {
            return false;
        }
        stripNext = marked && c == '-';
        dropLineBreak = trims && close.equals("%}") && !(marked && c == '+');
        at += marked ? 3 : 2;
        return true;
    }

    private void skipInnerSpace() {
        while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
            line += source.charAt(at++) == '\n' ? 1 : 0;
        }
    }

    private Token next() {
        var c = source.charAt(at);
        if (c == '\'' || c == '"') {
            return string(c);
        }
        if (c >= '0' && c <= '9') {
            return number();
        }
        if (Character.isJavaIdentifierStart(c) && c != '$') {
            var start = at;
            while (at < source.length()
                    && Character.isJavaIdentifierPart(source.charAt(at))
                    && source.charAt(at) != '$') {
                at++;
            }
            return new Token(Token.Kind.NAME, source.substring(start, at), line);
        }
        for (var operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                at += operator.length();
                return new Token(Token.Kind.OPERATOR, operator, line);
            }
        }
        throw fault("the character '" + c + "' has no meaning here");
    }

    private Token number() {
        var start = at;
        digits();
        var real = false;
        if (at + 1 < source.length() && source.charAt(at) == '.' && Character.isDigit(source.charAt(at + 1))) {
            real = true;
            at++;
            digits();
        }
        if (at < source.length() && "eE".indexOf(source.charAt(at)) >= 0) {
            var sign = at + 1 < source.length() && "+-".indexOf(source.charAt(at + 1)) >= 0 ? 2 : 1;
            if (at + sign < source.length() && Character.isDigit(source.charAt(at + sign))) {
                real = true;
                at += sign;
                digits();
            }
        }
        var text = source.substring(start, at).replace("_", "");
        return new Token(real ? Token.Kind.FLOAT : Token.Kind.INTEGER, text, line);
    }

    private void digits() {
        while (at < source.length() && (Character.isDigit(source.charAt(at)) || source.charAt(at) == '_')) {
            at++;
        }
    }

    private Token string(char quote) {
        var text = new StringBuilder();
        var begin = line;
        for (at++; at < source.length() && source.charAt(at) != quote; at++) {
            var c = source.charAt(at);
            line += c == '\n' ? 1 : 0;
            if (c == '\\' && at + 1 < source.length()) {
                at++;
                escape(text);
            } else {
                text.append(c);
            }
        }
        if (at >= source.length()) {
            throw fault("a string is not closed");
        }
        at++;
        return new Token(Token.Kind.STRING, text.toString(), begin);
    }

    /// The escapes of a Python string; an unknown one stands for itself, backslash included.
    private void escape(StringBuilder text) {
        var c = source.charAt(at);
        switch (c) {
            case 'n' -> text.append('\n');
            case 't' -> text.append('\t');
            case 'r' -> text.append('\r');
            case '\\', '\'', '"' -> text.append(c);
            case '\n' -> {}
            case 'x' -> codePoint(text, 2);
            case 'u' -> codePoint(text, 4);
            case 'U' -> codePoint(text, 8);
            default -> text.append('\\').append(c);
        }
    }

    private void codePoint(StringBuilder text, int digits) {
        var end = at + 1 + digits;
        try {
            text.appendCodePoint(Integer.parseInt(source.substring(at + 1, end), 16));
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw fault("an escape needs " + digits + " hexadecimal digits of a code point");
        }
        at = end - 1;
    }

    private void countLines(int from, int to) {
        for (var i = from; i < to; i++) {
            line += source.charAt(i) == '\n' ? 1 : 0;
        }
    }

    private TemplateException fault(String what) {
        return new TemplateException(Kind.SYNTAX, "line " + line + ": " + what + ".");
    }
}
