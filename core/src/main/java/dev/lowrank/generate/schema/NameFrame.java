package dev.lowrank.generate.schema;

import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Within the name of a property.
///
/// @param tree the known names
/// @param wanted known properties whose names may come
/// @param others whether other names may come
/// @param used other names that are there already and may not come again, their bytes as Latin-1 letters
/// @param phase before, between or after the quotation marks
/// @param node place in the tree, [NameTree#NOWHERE] when it is no known name
/// @param state of [NameTree#others()], [Automaton#DEAD] when it is no other name
/// @param typed the bytes so far as Latin-1 letters
record NameFrame(
        NameTree tree, BitSet wanted, boolean others, List<String> used, Phase phase, int node, int state, String typed)
        implements Frame {
    enum Phase {
        OPEN,
        INSIDE,
        DONE
    }

    private record Free(NameTree tree, int state) {}

    static NameFrame begin(NameTree tree, BitSet wanted, boolean others, List<String> used) {
        var state = others ? tree.others().start() : Automaton.DEAD;
        return new NameFrame(tree, wanted, others, used, Phase.OPEN, 0, state, "");
    }

    @Override
    public @Nullable NameFrame step(int value) {
        return switch (phase) {
            case OPEN -> value == '"' ? with(Phase.INSIDE, node, state, "") : null;
            case INSIDE -> inside(value);
            case DONE -> null;
        };
    }

    private @Nullable NameFrame inside(int value) {
        // After a backslash the quotation mark is a letter of the name, and neither kind of name ends there.
        if (value == '"' && (property() >= 0 || tree.others().ends(state))) {
            return mayEnd() ? with(Phase.DONE, node, state, typed) : null;
        }
        var nextNode = tree.next(node, value);
        var nextState = tree.others().next(state, value);
        var possible = nextState != Automaton.DEAD || tree.leadsTo(nextNode, wanted);
        return possible ? with(phase, nextNode, nextState, typed + (char) value) : null;
    }

    private boolean mayEnd() {
        var property = property();
        return property >= 0 ? wanted.get(property) : others && !used.contains(typed);
    }

    private NameFrame with(Phase next, int nextNode, int nextState, String nextTyped) {
        return new NameFrame(tree, wanted, others, used, next, nextNode, nextState, nextTyped);
    }

    /// The known property of this name, or -1.
    int property() {
        return tree.property(node);
    }

    /// Whether nothing but the spelling decides from here on.
    boolean isFree() {
        return phase == Phase.INSIDE
                && node == NameTree.NOWHERE
                && used.stream().noneMatch(n -> n.startsWith(typed));
    }

    @Override
    public boolean ends() {
        return phase == Phase.DONE;
    }

    @Override
    public Object likeness() {
        return isFree() ? new Free(tree, state) : this;
    }
}
