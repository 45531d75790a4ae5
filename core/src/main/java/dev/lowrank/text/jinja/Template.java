package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/// A parsed template. Immutable; rendering keeps nothing.
public final class Template {
    private final List<Statement> body;
    private final boolean strict;

    private Template(List<Statement> body, boolean strict) {
        this.body = body;
        this.strict = strict;
    }

    /// A chat template: lines of blocks leave no trace, and what does not exist prints nothing.
    ///
    /// @param source the template's text
    /// @return the template
    /// @throws TemplateException `SYNTAX`, `FORBIDDEN`, or `BUDGET` if it is nested too deeply or too long
    public static Template parse(String source) {
        return parse(source, true);
    }

    /// A template whose text outside of tags stays as written, its last line break too, and that may not
    /// print what does not exist.
    ///
    /// @param source the template's text
    /// @return the template
    /// @throws TemplateException as [#parse(String)]
    public static Template parseExact(String source) {
        return parse(source, false);
    }

    private static Template parse(String source, boolean chat) {
        try {
            return new Template(Parser.parse(source, chat), !chat);
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
        return run(variables, now, (interpreter, globals) -> interpreter.run(body, globals));
    }

    /// The value of a template that is one expression and nothing else; the text of any other.
    ///
    /// @param variables as for [#render]
    /// @return null, a string, boolean, Long, Double, list or map
    /// @throws TemplateException as [#render]
    public @Nullable Object value(Map<String, ?> variables, LocalDateTime now) {
        if (body.size() != 1 || !(body.getFirst() instanceof Statement.Output output)) {
            return render(variables, now);
        }
        return run(variables, now, (interpreter, globals) -> Value.toJava(interpreter.value(output, globals)));
    }

    private <T extends @Nullable Object> T run(
            Map<String, ?> variables, LocalDateTime now, BiFunction<Interpreter, Scope, T> work) {
        var budget = new Budget();
        var globals = new Scope(null);
        Globals.define(globals, now, budget);
        variables.forEach((name, value) -> globals.set(name, Value.from(value)));
        try {
            return work.apply(new Interpreter(budget, strict), globals);
        } catch (StackOverflowError e) {
            throw Budget.spent("more nesting than fits on the stack");
        } catch (ArithmeticException e) {
            throw new TemplateException(Kind.BUDGET, "The template computes a number that does not fit into 64 bits.");
        }
    }
}
