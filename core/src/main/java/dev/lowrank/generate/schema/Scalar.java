package dev.lowrank.generate.schema;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// A value without parts.
///
/// @param automaton how it is spelled
/// @param least letters of a string, where `counted`
/// @param most letters of a string, where `counted`; [Scalar#UNBOUNDED] for any number
/// @param counted whether letters are counted; then the automaton is that of any string
/// @param reach no token has more letters
record Scalar(Automaton automaton, int least, int most, boolean counted, int reach) implements Shape {
    static final int UNBOUNDED = Integer.MAX_VALUE;

    static Scalar of(Automaton automaton) {
        return new Scalar(automaton, 0, UNBOUNDED, false, 0);
    }

    @Override
    public int height() {
        return automaton.isEmpty() || least > most ? Value.NEVER : 0;
    }

    @Override
    public Frame begin(int room) {
        return new ScalarFrame(this, automaton.start(), 0);
    }

    /// Whether a text is one of its.
    boolean accepts(String text) {
        Frame frame = begin(0);
        for (var value : text.getBytes(StandardCharsets.UTF_8)) {
            var next = frame.step(value & 0xff);
            if (next == null) {
                return false;
            }
            frame = next;
        }
        return frame.ends();
    }

    /// Equal only to itself, as it is compared at every token.
    @Override
    public boolean equals(@Nullable Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
