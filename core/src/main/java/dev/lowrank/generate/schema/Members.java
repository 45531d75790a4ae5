package dev.lowrank.generate.schema;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
        int most) implements Shape {
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
