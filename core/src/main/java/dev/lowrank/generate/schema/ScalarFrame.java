package dev.lowrank.generate.schema;

import org.jspecify.annotations.Nullable;

/// Within a value without parts.
///
/// @param count whole letters of the string so far, where they are counted
record ScalarFrame(Scalar shape, int state, int count) implements Frame {
    private record Likeness(Scalar shape, int state, int missing, int left) {}

    @Override
    public @Nullable ScalarFrame step(int value) {
        var next = shape.automaton().next(state, value);
        if (next == Automaton.DEAD) {
            return null;
        }
        if (!shape.counted()) {
            return new ScalarFrame(shape, next, 0);
        }
        var counted = count(state, next, count);
        return counted < 0 ? null : new ScalarFrame(shape, next, counted);
    }

    /// Letters after a byte of a counted string, -1 if there may not be so many or so few.
    int count(int from, int to, int before) {
        var automaton = shape.automaton();
        if (automaton.ends(to)) {
            return before >= shape.least() ? before : -1;
        }
        if (from == automaton.start()) {
            return before;
        }
        if (before == shape.most()) {
            return -1;
        }
        return automaton.ends(automaton.next(to, '"')) ? before + 1 : before;
    }

    @Override
    public boolean ends() {
        return shape.automaton().ends(state);
    }

    @Override
    public Object likeness() {
        if (!shape.counted()) {
            return this;
        }
        var reach = shape.reach() + 1;
        return new Likeness(
                shape, state, Math.clamp(shape.least() - count, 0, reach), Math.min(shape.most() - count, reach));
    }
}
