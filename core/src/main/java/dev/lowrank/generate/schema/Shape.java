package dev.lowrank.generate.schema;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What one kind of value looks like.
sealed interface Shape permits Scalar, Items, Members {
    /// Levels that a value needs at least: 0 for one without parts.
    ///
    /// @return [Value#NEVER] if there is none
    int height();

    /// Where a text of this shape begins.
    ///
    /// @param room levels that may lie within it
    Frame begin(int room);
}

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

/// A list.
///
/// @param first what its first items are
/// @param rest what the items after those are; null where there are none
/// @param least items
/// @param most items; [Scalar#UNBOUNDED] for any number
record Items(List<Value> first, @Nullable Value rest, int least, int most) implements Shape {
    Items {
        first = List.copyOf(first);
    }

    /// The item at a place; null where there may be none.
    @Nullable
    Value item(int place) {
        return place >= most ? null : place < first.size() ? first.get(place) : rest;
    }

    @Override
    public int height() {
        var height = 0;
        for (var place = 0; place < Math.min(least, first.size() + 1); place++) {
            var item = item(place);
            height = Math.max(height, item == null ? Value.NEVER : item.height());
        }
        return least > most ? Value.NEVER : Math.min(Value.NEVER, height + 1);
    }

    @Override
    public Frame begin(int room) {
        return new ItemsFrame(this, room, ItemsFrame.Phase.OPEN, Whitespace.NONE, 0);
    }

    /// A number of items that leads on like this one.
    int alike(int count) {
        return most == Scalar.UNBOUNDED ? Math.min(count, Math.max(first.size(), least)) : count;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}

/// An object.
///
/// @param names of the properties that are known, in the schema's order
/// @param values theirs
/// @param required indices of those that must be there
/// @param additional what other properties hold; null where there are none
/// @param least properties
/// @param most properties; [Scalar#UNBOUNDED] for any number
record Members(
        NameTree names,
        List<Value> values,
        BitSet required,
        @Nullable Value additional,
        int least,
        int most)
        implements Shape {
    Members {
        values = List.copyOf(values);
    }

    @Override
    public int height() {
        var height = required.stream().map(i -> values.get(i).height()).max().orElse(0);
        var more = least - required.cardinality();
        if (more > 0) {
            height = Math.max(height, heightOfMore(more));
        }
        return Math.max(least, required.cardinality()) > most ? Value.NEVER : Math.min(Value.NEVER, height + 1);
    }

    private int heightOfMore(int more) {
        var other = additional == null ? Value.NEVER : additional.height();
        var heights = new ArrayList<Integer>();
        for (var i = 0; i < values.size(); i++) {
            if (!required.get(i)) {
                heights.add(Math.min(values.get(i).height(), Value.NEVER));
            }
        }
        Collections.sort(heights);
        return more <= heights.size() && heights.get(more - 1) <= other ? heights.get(more - 1) : other;
    }

    @Override
    public Frame begin(int room) {
        return MembersFrame.begin(this, room);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
