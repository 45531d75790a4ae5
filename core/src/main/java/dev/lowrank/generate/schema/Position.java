package dev.lowrank.generate.schema;

import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Everything that a text so far may be.
///
/// @param stacks each reads a byte in its own way; none is left where nothing may come
/// @param complete whether the text may end
record Position(List<Stack> stacks, boolean complete) {
    /// A text with more readings than this is rare; what only later ones allow is not generated then.
    private static final int MOST_READINGS = 256;

    Position {
        stacks = List.copyOf(stacks);
    }

    static Position of(Collection<Stack> kernel) {
        var reached = new Reached();
        kernel.forEach(reached::add);
        return new Position(List.copyOf(reached.stacks), reached.complete);
    }

    /// After the value on top has ended.
    static Position ended(Stack stack) {
        var reached = new Reached();
        reached.end(stack);
        return new Position(List.copyOf(reached.stacks), reached.complete);
    }

    /// After a byte, 0 to 255; empty if it cannot come.
    Position step(int value) {
        var reached = new Reached();
        for (var i = 0; i < stacks.size(); i++) {
            var stack = stacks.get(i);
            var next = stack.top().step(value);
            if (next != null) {
                reached.add(new Stack(next, stack.below()));
            }
        }
        return new Position(List.copyOf(reached.stacks), reached.complete);
    }

    boolean isEmpty() {
        return stacks.isEmpty() && !complete;
    }

    /// What is reached without a byte.
    private static final class Reached {
        private final Set<Stack> stacks = new LinkedHashSet<>();
        private boolean complete;

        void add(Stack stack) {
            if (stacks.size() >= MOST_READINGS || !stacks.add(stack)) {
                return;
            }
            for (var part : stack.top().begins()) {
                add(new Stack(part, stack));
            }
            if (stack.top().ends()) {
                end(stack);
            }
        }

        void end(Stack stack) {
            @Nullable Stack below = stack.below();
            if (below == null) {
                complete = true;
            } else {
                add(new Stack(below.top().after(stack.top()), below.below()));
            }
        }
    }
}
