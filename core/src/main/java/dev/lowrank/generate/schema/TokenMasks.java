package dev.lowrank.generate.schema;

import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Which tokens may follow a text: the vocabulary's tree walked against the places the text may be at.
///
/// What a place allows until its value ends depends on the place alone and is kept. A token that goes on
/// behind the end of the value is walked from there through the values around it, every time; such tokens
/// are few. May be used by several threads.
final class TokenMasks {
    private static final int MOST_KEPT = 256;

    /// In the place of a state: the name has ended.
    private static final int AFTER_NAME = -2;

    private final TokenTree tree;
    private final Map<Object, Local> kept = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Object, Local> eldest) {
            return size() > MOST_KEPT;
        }
    };

    TokenMasks(TokenTree tree) {
        this.tree = tree;
    }

    /// What a place allows, whatever is around its value.
    ///
    /// @param within tokens that end before or with the value
    /// @param exits nodes at which the value may end and below which there are tokens
    private record Local(BitSet within, BitSet exits) {}

    /// Fills with true what may come next.
    void allowed(Position position, BitSet tokens) {
        tokens.clear();
        for (var stack : position.stacks()) {
            var local = local(stack.top());
            tokens.or(local.within());
            if (stack.below() != null) {
                goOn(stack, local.exits(), tokens);
            }
        }
    }

    private void goOn(Stack stack, BitSet exits, BitSet tokens) {
        // Only of a name it matters to the object how it was spelled.
        var common = stack.top() instanceof NameFrame ? null : Position.ended(stack);
        for (var node = exits.nextSetBit(0); node >= 0; node = exits.nextSetBit(node + 1)) {
            var after = common == null ? Position.ended(new Stack(ended(stack.top(), node), stack.below())) : common;
            walk(after, node, tokens, null);
        }
    }

    private Frame ended(Frame frame, int node) {
        var at = frame;
        for (var value : tree.path(node)) {
            var next = at.step(value & 0xff);
            if (next == null) {
                throw new IllegalStateException("A place led on differently from one alike");
            }
            at = next;
        }
        return at;
    }

    private Local local(Frame frame) {
        var key = frame.likeness();
        synchronized (kept) {
            var known = kept.get(key);
            if (known != null) {
                return known;
            }
        }
        var local = new Local(new BitSet(), new BitSet());
        switch (frame) {
            case ScalarFrame scalar -> walk(scalar, local);
            case NameFrame name -> walk(name, local);
            case ItemsFrame _, MembersFrame _ ->
                walk(Position.of(List.of(new Stack(frame, null))), 0, local.within(), local.exits());
        }
        synchronized (kept) {
            kept.put(key, local);
        }
        return local;
    }

    /// Walks below a node.
    ///
    /// @param exits where the bottom of all stacks ended; null if that is the end of the text
    private void walk(Position position, int from, BitSet tokens, @Nullable BitSet exits) {
        var base = tree.depth(from);
        var positions = new Position[tree.longest() - base + 1];
        positions[0] = position;
        var end = tree.end(from);
        for (var node = from + 1; node < end; ) {
            var depth = tree.depth(node) - base;
            var next = positions[depth - 1].step(tree.label(node));
            if (next.isEmpty()) {
                node = tree.end(node);
                continue;
            }
            positions[depth] = next;
            tree.collect(node, tokens);
            if (next.complete() && exits != null && tree.hasChildren(node)) {
                exits.set(node);
            }
            node++;
        }
    }

    private void walk(ScalarFrame frame, Local local) {
        var automaton = frame.shape().automaton();
        var counted = frame.shape().counted();
        var states = new int[tree.longest() + 1];
        var counts = new int[tree.longest() + 1];
        states[0] = frame.state();
        counts[0] = frame.count();
        var end = tree.end(0);
        for (var node = 1; node < end; ) {
            var depth = tree.depth(node);
            var before = states[depth - 1];
            var state = automaton.next(before, tree.label(node));
            var count = counted && state != Automaton.DEAD ? frame.count(before, state, counts[depth - 1]) : 0;
            if (state == Automaton.DEAD || count < 0) {
                node = tree.end(node);
                continue;
            }
            states[depth] = state;
            counts[depth] = count;
            node = reached(node, automaton.ends(state), local);
        }
    }

    private int reached(int node, boolean ended, Local local) {
        tree.collect(node, local.within());
        if (ended && tree.hasChildren(node)) {
            local.exits().set(node);
        }
        return node + 1;
    }

    private void walk(NameFrame frame, Local local) {
        var frames = new NameFrame[tree.longest() + 1];
        var names = frame.tree().others();
        var states = new int[tree.longest() + 1];
        // From this depth on the name is a new one, and its spelling alone decides.
        var free = Integer.MAX_VALUE;
        frames[0] = frame;
        var end = tree.end(0);
        for (var node = 1; node < end; ) {
            var depth = tree.depth(node);
            free = depth <= free ? Integer.MAX_VALUE : free;
            if (free == Integer.MAX_VALUE && frames[depth - 1].isFree()) {
                free = depth - 1;
                states[free] = frames[free].state();
            }
            if (free != Integer.MAX_VALUE) {
                node = freeStep(node, names, states, local);
                continue;
            }
            var next = frames[depth - 1].step(tree.label(node));
            if (next == null) {
                node = tree.end(node);
                continue;
            }
            frames[depth] = next;
            node = reached(node, next.ends(), local);
        }
    }

    private int freeStep(int node, Automaton names, int[] states, Local local) {
        var depth = tree.depth(node);
        var before = states[depth - 1];
        if (before == AFTER_NAME) {
            return tree.end(node);
        }
        var value = tree.label(node);
        if (value == '"' && names.ends(before)) {
            states[depth] = AFTER_NAME;
            return reached(node, true, local);
        }
        states[depth] = names.next(before, value);
        return states[depth] == Automaton.DEAD ? tree.end(node) : reached(node, false, local);
    }
}
