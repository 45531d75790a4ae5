package dev.lowrank.generate.schema;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// Within a list, between its items.
///
/// @param room levels that may lie within the list
/// @param space what of [Whitespace] was read since the last other byte
/// @param count items that have ended, or as many as are [alike][Items#alike]
record ItemsFrame(Items shape, int room, Phase phase, int space, int count) implements Frame {
    enum Phase {
        OPEN,
        FIRST,
        AFTER_ITEM,
        AFTER_COMMA,
        DONE
    }

    @Override
    public @Nullable ItemsFrame step(int value) {
        return switch (phase) {
            case OPEN -> value == '[' ? in(Phase.FIRST) : null;
            case FIRST -> value == ']' && mayEnd() ? in(Phase.DONE) : spaced(value);
            case AFTER_ITEM -> afterItem(value);
            case AFTER_COMMA -> spaced(value);
            case DONE -> null;
        };
    }

    private @Nullable ItemsFrame afterItem(int value) {
        if (value == ',') {
            return space == Whitespace.NONE && mayGoOn() ? in(Phase.AFTER_COMMA) : null;
        }
        if (!mayEnd()) {
            return null;
        }
        return value == ']' ? in(Phase.DONE) : spaced(value);
    }

    private boolean mayEnd() {
        return count >= shape.least();
    }

    private boolean mayGoOn() {
        var item = shape.item(count);
        return item != null && item.fits(room - 1);
    }

    private ItemsFrame in(Phase next) {
        return new ItemsFrame(shape, room, next, Whitespace.NONE, count);
    }

    private @Nullable ItemsFrame spaced(int value) {
        var next = Whitespace.next(space, value);
        return next == Whitespace.REFUSED ? null : new ItemsFrame(shape, room, phase, next, count);
    }

    @Override
    public List<Frame> begins() {
        var item = phase == Phase.FIRST || phase == Phase.AFTER_COMMA ? shape.item(count) : null;
        return item == null ? List.of() : item.begin(room - 1);
    }

    @Override
    public Frame after(Frame part) {
        return new ItemsFrame(shape, room, Phase.AFTER_ITEM, Whitespace.NONE, shape.alike(count + 1));
    }

    @Override
    public boolean ends() {
        return phase == Phase.DONE;
    }

    @Override
    public Object likeness() {
        return this;
    }
}
