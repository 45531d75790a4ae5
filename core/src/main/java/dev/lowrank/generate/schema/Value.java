package dev.lowrank.generate.schema;

import java.util.ArrayList;
import java.util.List;

/// What a value may be: one of some shapes. It is made before its shapes, which may hold the value itself.
final class Value {
    /// Height of what does not exist.
    static final int NEVER = 1 << 20;

    private List<Shape> shapes = List.of();
    private int height = NEVER;

    void is(List<Shape> alternatives) {
        shapes = List.copyOf(alternatives);
    }

    /// Looks again whether it can be had at fewer levels.
    ///
    /// @return whether it can
    boolean lower() {
        var lowest = shapes.stream().mapToInt(Shape::height).min().orElse(NEVER);
        var lower = lowest < height;
        height = Math.min(height, lowest);
        return lower;
    }

    /// Levels that it needs at least, [#NEVER] if there is no such value.
    int height() {
        return height;
    }

    boolean fits(int room) {
        return height <= room;
    }

    /// The shapes that there is room for, at their beginnings.
    List<Frame> begin(int room) {
        var frames = new ArrayList<Frame>(shapes.size());
        for (var shape : shapes) {
            if (shape.height() <= room) {
                frames.add(shape.begin(room));
            }
        }
        return frames;
    }
}
