package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;

/// A parsed template. Immutable; rendering keeps nothing.
public final class Template {
    private final List<Statement> body;

    private Template(List<Statement> body) {
        this.body = body;
    }

    /// @param source the template's text
    /// @return the template
    /// @throws TemplateException `SYNTAX`, `FORBIDDEN`, or `BUDGET` if it is nested too deeply or too long
    public static Template parse(String source) {
        try {
            return new Template(Parser.parse(source));
        } catch (StackOverflowError e) {
            throw Budget.spent("more nesting than fits on the stack");
        }
    }

    /// @param variables strings, booleans, numbers, lists and maps with string keys, nested at will; null
    ///     is `none`
    /// @param now the time that `strftime_now` tells
    /// @return the text
    /// @throws TemplateException if an operation has no meaning, the template refuses its input, or a limit
    ///     is
    /// reached:
    ///     2 million steps, 100 nested calls, 4 million characters of output, 64 million in all values
    public String render(Map<String, ?> variables, LocalDateTime now) {
        var budget = new Budget();
        var globals = new Scope(null);
        Globals.define(globals, now, budget);
        variables.forEach((name, value) -> globals.set(name, Value.from(value)));
        try {
            return new Interpreter(budget).run(body, globals);
        } catch (StackOverflowError e) {
            throw Budget.spent("more nesting than fits on the stack");
        } catch (ArithmeticException e) {
            throw new TemplateException(Kind.BUDGET, "The template computes a number that does not fit into 64 bits.");
        }
    }
}
