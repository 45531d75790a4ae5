package dev.lowrank.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// A part of a template.
sealed interface Statement {
    record Data(String text) implements Statement {}

    record Output(Expression value) implements Statement {}

    record If(Expression test, List<Statement> then, List<Statement> otherwise) implements Statement {}

    record For(
            List<String> targets,
            Expression source,
            @Nullable Expression condition,
            List<Statement> body,
            List<Statement> otherwise,
            boolean recursive)
            implements Statement {}

    record Assign(List<String> targets, Expression value) implements Statement {}

    record AssignMember(String namespace, String member, Expression value) implements Statement {}

    record AssignBlock(String target, List<Statement> body, List<FilterCall> filters) implements Statement {}

    record FilterBlock(List<FilterCall> filters, List<Statement> body) implements Statement {}

    record Macro(String name, List<String> parameters, List<@Nullable Expression> defaults, List<Statement> body)
            implements Statement {}

    /// A transparent block, such as `generation`.
    record Block(List<Statement> body) implements Statement {}

    record Break() implements Statement {}

    record Continue() implements Statement {}

    /// A filter named in a statement.
    record FilterCall(String name, Expression.CallArguments arguments) {}
}
