package dev.lowrank.generate.schema;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The values that have begun and not ended, the innermost on top.
final class Stack {
    private final Frame top;
    private final @Nullable Stack below;
    private final int hash;

    Stack(Frame top, @Nullable Stack below) {
        this.top = top;
        this.below = below;
        hash = Objects.hash(top, below == null ? 0 : below.hash);
    }

    Frame top() {
        return top;
    }

    @Nullable
    Stack below() {
        return below;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Stack stack
                && hash == stack.hash
                && top.equals(stack.top)
                && Objects.equals(below, stack.below);
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
