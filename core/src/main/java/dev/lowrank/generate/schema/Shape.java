package dev.lowrank.generate.schema;

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
