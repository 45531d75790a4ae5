package dev.lowrank.generate.schema;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// A place within one value, apart from the parts that have begun and not ended. Unchangeable; equal ones
/// lead on alike.
sealed interface Frame permits ScalarFrame, NameFrame, ItemsFrame, MembersFrame {
    /// The place after a byte of this value itself.
    ///
    /// @return null if the byte cannot come
    @Nullable
    Frame step(int value);

    /// Whether the value may end here.
    boolean ends();

    /// The parts that may begin here.
    default List<Frame> begins() {
        return List.of();
    }

    /// The place after a part that began here.
    ///
    /// @param part where it ended
    default Frame after(Frame part) {
        throw new IllegalStateException("A value without parts got one");
    }

    /// What tells this place from others that allow other tokens until the value ends; a key of caches.
    Object likeness();
}
