package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.Statement.FilterCall;
import dev.lowrank.text.jinja.TemplateException.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Runs statements into an output.
final class Interpreter {
    private final Budget budget;
    private final Evaluator evaluator;
    private final boolean strict;
    private StringBuilder out = new StringBuilder();

    /// @param strict whether printing what does not exist is a fault
    Interpreter(Budget budget, boolean strict) {
        this.budget = budget;
        this.strict = strict;
        this.evaluator = new Evaluator(budget);
    }

    String run(List<Statement> template, Scope globals) {
        run(template, new Scope(globals), null);
        return out.toString();
    }

    /// How a body ended.
    private enum Flow {
        ON,
        BREAK,
        CONTINUE
    }

    private Flow run(List<Statement> body, Scope scope, @Nullable Loop loop) {
        for (var statement : body) {
            var flow = run(statement, scope, loop);
            if (flow != Flow.ON) {
                return flow;
            }
        }
        return Flow.ON;
    }

    private Flow run(Statement statement, Scope scope, @Nullable Loop loop) {
        budget.step();
        switch (statement) {
            case Statement.Data data -> write(data.text());
            case Statement.Output output -> write(Printer.text(value(output, scope), budget));
            case Statement.If condition -> {
                var holds = Values.truth(evaluator.value(condition.test(), scope));
                return run(holds ? condition.then() : condition.otherwise(), scope, loop);
            }
            case Statement.For each -> loop(each, evaluator.value(each.source(), scope), scope, loop);
            case Statement.Assign assign -> assign(assign.targets(), evaluator.value(assign.value(), scope), scope);
            case Statement.AssignMember assign -> member(assign, scope);
            case Statement.AssignBlock assign -> {
                var text = capture(() -> run(assign.body(), scope, loop));
                scope.set(assign.target(), filtered(new Value.Text(text), assign.filters(), scope));
            }
            case Statement.FilterBlock block -> {
                var text = capture(() -> run(block.body(), new Scope(scope), loop));
                write(Printer.text(filtered(new Value.Text(text), block.filters(), scope), budget));
            }
            case Statement.Macro macro -> scope.set(macro.name(), macro(macro, scope));
            case Statement.Block block -> {
                return run(block.body(), scope, loop);
            }
            case Statement.Break _ -> {
                return Flow.BREAK;
            }
            case Statement.Continue _ -> {
                return Flow.CONTINUE;
            }
        }
        return Flow.ON;
    }

    /// What a template that is a single output gives.
    Value value(Statement.Output output, Scope scope) {
        var value = evaluator.value(output.value(), scope);
        if (strict && value instanceof Value.Undefined(var name)) {
            throw new TemplateException(Kind.VALUE, "'" + name + "' does not exist.");
        }
        return value;
    }

    private void write(String text) {
        budget.output((long) out.length() + text.length());
        out.append(text);
    }

    private String capture(Runnable body) {
        var outer = out;
        out = new StringBuilder();
        try {
            body.run();
            budget.allocate(out.length());
            return out.toString();
        } finally {
            out = outer;
        }
    }

    private Value filtered(Value value, List<FilterCall> filters, Scope scope) {
        var result = value;
        for (var filter : filters) {
            result = evaluator.filter(filter.name(), result, evaluator.arguments(filter.arguments(), scope));
        }
        return result;
    }

    private static void member(Statement.AssignMember assign, Scope scope, Value value) {
        if (!(scope.get(assign.namespace()) instanceof Value.Namespace namespace)) {
            throw new TemplateException(
                    Kind.VALUE,
                    "'" + assign.namespace() + "' is not a namespace; only those take assignments to a member.");
        }
        namespace.entries().put(assign.member(), value);
    }

    private void member(Statement.AssignMember assign, Scope scope) {
        member(assign, scope, evaluator.value(assign.value(), scope));
    }

    private void assign(List<String> targets, Value value, Scope scope) {
        if (targets.size() == 1) {
            scope.set(targets.getFirst(), value);
            return;
        }
        var items = Values.items(value, budget);
        if (items.size() != targets.size()) {
            throw new TemplateException(
                    Kind.VALUE, items.size() + " values do not fit the " + targets.size() + " names " + targets + ".");
        }
        for (var i = 0; i < items.size(); i++) {
            scope.set(targets.get(i), items.get(i));
        }
    }

    private void loop(Statement.For each, Value source, Scope scope, @Nullable Loop outer) {
        var items = chosen(each, Values.items(source, budget), scope);
        if (items.isEmpty()) {
            run(each.otherwise(), new Scope(scope), outer);
            return;
        }
        var depth = outer != null && outer.recursive() != null ? outer.depth() + 1 : 0;
        Function<Value, String> again = inner -> capture(() -> {
            budget.enter();
            loop(each, inner, scope, new Loop(items, 0, depth, value -> ""));
            budget.leave();
        });
        for (var i = 0; i < items.size(); i++) {
            budget.step();
            var turn = new Scope(scope);
            var loop = new Loop(items, i, depth, each.recursive() ? again : null);
            turn.set("loop", loop.value(budget));
            assign(each.targets(), items.get(i), turn);
            if (run(each.body(), turn, loop) == Flow.BREAK) {
                break;
            }
        }
    }

    private List<Value> chosen(Statement.For each, List<Value> items, Scope scope) {
        var condition = each.condition();
        if (condition == null) {
            return items;
        }
        var kept = new ArrayList<Value>();
        for (var item : items) {
            var turn = new Scope(scope);
            assign(each.targets(), item, turn);
            if (Values.truth(evaluator.value(condition, turn))) {
                kept.add(item);
            }
        }
        return kept;
    }

    private Value macro(Statement.Macro macro, Scope scope) {
        return new Named(macro.name(), arguments -> {
            budget.enter();
            var own = new Scope(scope);
            bind(macro, arguments, own);
            var text = capture(() -> run(macro.body(), own, null));
            budget.leave();
            return new Value.Text(text);
        });
    }

    private void bind(Statement.Macro macro, Arguments arguments, Scope own) {
        var names = macro.parameters();
        if (arguments.positional().size() > names.size()) {
            throw new TemplateException(
                    Kind.VALUE,
                    "Macro '" + macro.name() + "' takes " + names.size() + " arguments, "
                            + arguments.positional().size() + " were given.");
        }
        for (var i = 0; i < names.size(); i++) {
            var value = arguments.get(i, names.get(i));
            var fallback = macro.defaults().get(i);
            if (value == null) {
                value = fallback == null ? new Value.Undefined(names.get(i)) : evaluator.value(fallback, own);
            }
            own.set(names.get(i), value);
        }
        var extra = new LinkedHashMap<>(arguments.named());
        names.forEach(extra::remove);
        if (!extra.isEmpty()) {
            throw new TemplateException(
                    Kind.VALUE, "Macro '" + macro.name() + "' has no parameter " + extra.keySet() + ".");
        }
    }

    /// The place of a loop's turn.
    private record Loop(
            List<Value> items,
            int index,
            int depth,
            @Nullable Function<Value, String> recursive) {
        Value value(Budget budget) {
            var members = new LinkedHashMap<String, Value>();
            var size = items.size();
            members.put("index", new Value.Int(index + 1L));
            members.put("index0", new Value.Int(index));
            members.put("revindex", new Value.Int(size - (long) index));
            members.put("revindex0", new Value.Int(size - index - 1L));
            members.put("first", Value.Bool.of(index == 0));
            members.put("last", Value.Bool.of(index == size - 1));
            members.put("length", new Value.Int(size));
            members.put("depth", new Value.Int(depth + 1L));
            members.put("depth0", new Value.Int(depth));
            members.put("previtem", index == 0 ? new Value.Undefined("loop.previtem") : items.get(index - 1));
            members.put("nextitem", index == size - 1 ? new Value.Undefined("loop.nextitem") : items.get(index + 1));
            members.put("cycle", new Named("loop.cycle", arguments -> {
                if (arguments.positional().isEmpty()) {
                    throw new TemplateException(Kind.VALUE, "loop.cycle needs values.");
                }
                return arguments.positional().get(index % arguments.positional().size());
            }));
            var again = recursive;
            if (again != null) {
                members.put(
                        Evaluator.CALL,
                        new Named(
                                "loop",
                                arguments -> new Value.Text(again.apply(arguments.need(0, "iterable", "loop")))));
            }
            budget.steps(members.size());
            return new Value.Mapping(members);
        }
    }
}
