package dev.lowrank.generate.schema;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The names of an object's known properties as a tree of bytes, each spelled as JSON writers do.
final class NameTree {
    /// No name begins like this.
    static final int NOWHERE = -1;

    private final List<Map<Integer, Integer>> children = new ArrayList<>();
    private final List<BitSet> below = new ArrayList<>();
    private final Map<Integer, Integer> ends = new HashMap<>();
    private final Automaton others;

    /// @param spelled the names between their quotation marks, no two the same
    /// @param others how other names are spelled
    NameTree(List<String> spelled, Automaton others) {
        this.others = others;
        node();
        for (var i = 0; i < spelled.size(); i++) {
            add(spelled.get(i).getBytes(StandardCharsets.UTF_8), i);
        }
    }

    private int node() {
        children.add(new HashMap<>());
        below.add(new BitSet());
        return children.size() - 1;
    }

    private void add(byte[] name, int index) {
        var at = 0;
        below.get(at).set(index);
        for (var value : name) {
            at = children.get(at).computeIfAbsent(value & 0xff, _ -> node());
            below.get(at).set(index);
        }
        ends.put(at, index);
    }

    int next(int node, int value) {
        return node == NOWHERE ? NOWHERE : children.get(node).getOrDefault(value, NOWHERE);
    }

    /// Whether one of some properties is still possible.
    boolean leadsTo(int node, BitSet properties) {
        return node != NOWHERE && below.get(node).intersects(properties);
    }

    /// The property whose name ends here, or -1.
    int property(int node) {
        return node == NOWHERE ? -1 : ends.getOrDefault(node, -1);
    }

    /// How other names are spelled.
    Automaton others() {
        return others;
    }
}
