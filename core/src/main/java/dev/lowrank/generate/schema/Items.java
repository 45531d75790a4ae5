package dev.lowrank.generate.schema;

import java.util.List;
import org.jspecify.annotations.Nullable;

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
