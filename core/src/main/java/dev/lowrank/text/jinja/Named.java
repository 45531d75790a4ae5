package dev.lowrank.text.jinja;

import java.util.function.Function;

/// A function under its name.
record Named(String name, Function<Arguments, Value> body) implements Value.Callable {
    @Override
    public Value call(Arguments arguments) {
        return body.apply(arguments);
    }
}
