package dev.lowrank.generate.schema;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Within an object, between its names and values.
///
/// @param room levels that may lie within the object
/// @param space what of [Whitespace] was read since the last other byte
/// @param seen known properties that are there
/// @param used names of the others, as in [NameFrame]
/// @param current the known property whose value comes, -1 for another
record MembersFrame(Members shape, int room, Phase phase, int space, BitSet seen, List<String> used, int current)
        implements Frame {
    enum Phase {
        OPEN,
        FIRST,
        AFTER_NAME,
        AFTER_COLON,
        AFTER_VALUE,
        AFTER_COMMA,
        DONE
    }

    MembersFrame {
        used = List.copyOf(used);
    }

    static MembersFrame begin(Members shape, int room) {
        return new MembersFrame(shape, room, Phase.OPEN, Whitespace.NONE, new BitSet(), List.of(), -1);
    }

    @Override
    public @Nullable MembersFrame step(int value) {
        return switch (phase) {
            case OPEN -> value == '{' ? in(Phase.FIRST) : null;
            case FIRST -> value == '}' && mayEnd() ? in(Phase.DONE) : spaced(value);
            case AFTER_NAME -> value == ':' ? in(Phase.AFTER_COLON) : value == ' ' ? spaced(value) : null;
            case AFTER_COLON, AFTER_COMMA -> spaced(value);
            case AFTER_VALUE -> afterValue(value);
            case DONE -> null;
        };
    }

    private @Nullable MembersFrame afterValue(int value) {
        if (value == ',') {
            return space == Whitespace.NONE && mayGoOn() ? in(Phase.AFTER_COMMA) : null;
        }
        if (!mayEnd()) {
            return null;
        }
        return value == '}' ? in(Phase.DONE) : spaced(value);
    }

    private MembersFrame in(Phase next) {
        return new MembersFrame(shape, room, next, Whitespace.NONE, seen, used, current);
    }

    private @Nullable MembersFrame spaced(int value) {
        var next = Whitespace.next(space, value);
        return next == Whitespace.REFUSED ? null : new MembersFrame(shape, room, phase, next, seen, used, current);
    }

    private int count() {
        return seen.cardinality() + used.size();
    }

    private BitSet missing() {
        var missing = (BitSet) shape.required().clone();
        missing.andNot(seen);
        return missing;
    }

    private boolean mayEnd() {
        return count() >= shape.least() && missing().isEmpty();
    }

    private boolean mayGoOn() {
        return !wanted().isEmpty() || mayTakeOthers();
    }

    /// Known properties that may come: all that there is room for, or only required ones when there are
    /// places for no more.
    private BitSet wanted() {
        var wanted = missing();
        if (shape.most() - count() > wanted.cardinality()) {
            for (var i = 0; i < shape.values().size(); i++) {
                if (!seen.get(i) && shape.values().get(i).fits(room - 1)) {
                    wanted.set(i);
                }
            }
        }
        return wanted;
    }

    private boolean mayTakeOthers() {
        var other = shape.additional();
        return other != null
                && other.fits(room - 1)
                && shape.most() - count() > missing().cardinality();
    }

    @Override
    public List<Frame> begins() {
        return switch (phase) {
            case FIRST, AFTER_COMMA ->
                mayGoOn() ? List.of(NameFrame.begin(shape.names(), wanted(), mayTakeOthers(), used)) : List.of();
            case AFTER_COLON -> value().begin(room - 1);
            case OPEN, AFTER_NAME, AFTER_VALUE, DONE -> List.of();
        };
    }

    private Value value() {
        var other = shape.additional();
        if (current >= 0) {
            return shape.values().get(current);
        }
        if (other == null) {
            throw new IllegalStateException("A name was read that the object does not have");
        }
        return other;
    }

    @Override
    public Frame after(Frame part) {
        if (!(part instanceof NameFrame name)) {
            return in(Phase.AFTER_VALUE);
        }
        var property = name.property();
        var seenNow = (BitSet) seen.clone();
        var usedNow = used;
        if (property >= 0) {
            seenNow.set(property);
        } else {
            usedNow = new ArrayList<>(used);
            usedNow.add(name.typed());
        }
        return new MembersFrame(shape, room, Phase.AFTER_NAME, Whitespace.NONE, seenNow, usedNow, property);
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
