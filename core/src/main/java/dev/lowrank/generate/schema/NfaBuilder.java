package dev.lowrank.generate.schema;

import dev.lowrank.generate.schema.Automaton.TooLargeException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;

/// A nondeterministic automaton over bytes while it is built, and what makes it deterministic. Time and
/// memory are bounded by its limits on states, whatever the pattern.
final class NfaBuilder {
    /// Most states before and after it is made deterministic.
    static final int MOST_STATES = 20_000;

    /// Most states of sets together, which is what the work grows with.
    private static final long MOST_MEMBERS = 2_000_000;

    private static final int SURROGATES = 0xd800;
    private static final int LAST_SURROGATE = 0xdfff;
    private static final int[] LAST_OF_LENGTH = {0x7f, 0x7ff, 0xffff, 0x10ffff};

    private final List<List<Edge>> edges = new ArrayList<>();
    private final List<List<Jump>> jumps = new ArrayList<>();

    /// Where a jump without a byte may be taken.
    enum Where {
        ANYWHERE,
        AT_START,
        AT_END
    }

    private record Edge(int first, int last, int to) {}

    private record Jump(Where where, int to) {}

    int state() {
        if (edges.size() >= MOST_STATES * 4) {
            throw new TooLargeException();
        }
        edges.add(new ArrayList<>());
        jumps.add(new ArrayList<>());
        return edges.size() - 1;
    }

    void jump(int from, int to, Where where) {
        jumps.get(from).add(new Jump(where, to));
    }

    void jump(int from, int to) {
        jump(from, to, Where.ANYWHERE);
    }

    private void edge(int from, int first, int last, int to) {
        edges.get(from).add(new Edge(first, last, to));
    }

    void bytes(int from, byte[] text, int to) {
        var at = from;
        for (var i = 0; i < text.length; i++) {
            var after = i == text.length - 1 ? to : state();
            edge(at, text[i] & 0xff, text[i] & 0xff, after);
            at = after;
        }
    }

    /// The UTF-8 of every code point of a range; surrogates are none.
    void codePoints(int from, int first, int last, int to) {
        if (first < SURROGATES && last >= SURROGATES) {
            codePoints(from, first, SURROGATES - 1, to);
            codePoints(from, LAST_SURROGATE + 1, last, to);
            return;
        }
        var at = first >= SURROGATES && first <= LAST_SURROGATE ? LAST_SURROGATE + 1 : first;
        for (var length = 1; length <= 4 && at <= last; length++) {
            var end = Math.min(last, LAST_OF_LENGTH[length - 1]);
            if (at <= end) {
                sameLength(from, utf8(at, length), utf8(end, length), 0, to);
                at = end + 1;
            }
        }
    }

    private static int[] utf8(int codePoint, int length) {
        if (length == 1) {
            return new int[] {codePoint};
        }
        var bytes = new int[length];
        var rest = codePoint;
        for (var i = length - 1; i > 0; i--) {
            bytes[i] = 0x80 | (rest & 0x3f);
            rest >>= 6;
        }
        bytes[0] = (0xf00 >> length & 0xff) | rest;
        return bytes;
    }

    /// Splits `[low, high]` at the first byte, so that all later bytes of a part are free or bounded on one
    /// side.
    private void sameLength(int from, int[] low, int[] high, int i, int to) {
        if (i == low.length - 1) {
            edge(from, low[i], high[i], to);
            return;
        }
        if (low[i] == high[i]) {
            var after = state();
            edge(from, low[i], low[i], after);
            sameLength(after, low, high, i + 1, to);
            return;
        }
        var first = low[i];
        var last = high[i];
        if (!allAfter(low, i, 0x80)) {
            var after = state();
            edge(from, first, first, after);
            sameLength(after, low, filled(high, i, 0xbf), i + 1, to);
            first++;
        }
        if (!allAfter(high, i, 0xbf)) {
            var after = state();
            edge(from, last, last, after);
            sameLength(after, filled(low, i, 0x80), high, i + 1, to);
            last--;
        }
        if (first <= last) {
            var at = from;
            for (var k = i; k < low.length; k++) {
                var after = k == low.length - 1 ? to : state();
                edge(at, k == i ? first : 0x80, k == i ? last : 0xbf, after);
                at = after;
            }
        }
    }

    private static boolean allAfter(int[] bytes, int i, int value) {
        for (var k = i + 1; k < bytes.length; k++) {
            if (bytes[k] != value) {
                return false;
            }
        }
        return true;
    }

    private static int[] filled(int[] bytes, int i, int value) {
        var copy = bytes.clone();
        for (var k = i + 1; k < copy.length; k++) {
            copy[k] = value;
        }
        return copy;
    }

    /// @param start where a text begins
    /// @param end where it may end
    /// @param alphabet bytes outside of it are not read
    Automaton deterministic(int start, int end, ByteSet alphabet) {
        return new Subsets(end, alphabet).run(start);
    }

    /// The subset construction.
    private final class Subsets {
        private final int end;
        private final ByteSet alphabet;
        private final HashMap<BitSet, Integer> places = new HashMap<>();
        private final List<BitSet> sets = new ArrayList<>();
        private final BitSet accepting = new BitSet();
        private long members;

        Subsets(int end, ByteSet alphabet) {
            this.end = end;
            this.alphabet = alphabet;
        }

        Automaton run(int start) {
            var first = new BitSet();
            first.set(start);
            var rows = new ArrayList<int[]>();
            place(first, true);
            for (var state = 0; state < sets.size(); state++) {
                rows.add(row(sets.get(state)));
            }
            return Automaton.trimmed(0, rows, accepting);
        }

        private int[] row(BitSet set) {
            var ends = new BitSet(257);
            for (var from = set.nextSetBit(0); from >= 0; from = set.nextSetBit(from + 1)) {
                for (var edge : edges.get(from)) {
                    ends.set(edge.first());
                    ends.set(edge.last() + 1);
                }
            }
            var row = Automaton.deadRow();
            for (var low = ends.nextSetBit(0); low >= 0 && low < 256; low = ends.nextSetBit(low + 1)) {
                var high = ends.nextSetBit(low + 1);
                var target = target(set, low);
                if (high < 0 || target.isEmpty()) {
                    continue;
                }
                var place = place(target, false);
                for (var value = low; value < high; value++) {
                    row[value] = alphabet.contains(value) ? place : Automaton.DEAD;
                }
            }
            return row;
        }

        private BitSet target(BitSet set, int value) {
            var target = new BitSet();
            for (var from = set.nextSetBit(0); from >= 0; from = set.nextSetBit(from + 1)) {
                for (var edge : edges.get(from)) {
                    if (edge.first() <= value && value <= edge.last()) {
                        target.set(edge.to());
                    }
                }
            }
            return target;
        }

        private int place(BitSet kernel, boolean atStart) {
            var known = atStart ? null : places.get(kernel);
            if (known != null) {
                return known;
            }
            var closed = closure(kernel, atStart, false);
            members += closed.cardinality() + 1L;
            if (sets.size() >= MOST_STATES || members > MOST_MEMBERS) {
                throw new TooLargeException();
            }
            if (!atStart) {
                places.put(kernel, sets.size());
            }
            accepting.set(sets.size(), closure(closed, atStart, true).get(end));
            sets.add(closed);
            return sets.size() - 1;
        }

        private BitSet closure(BitSet kernel, boolean atStart, boolean atEnd) {
            var closed = (BitSet) kernel.clone();
            var open = new ArrayDeque<Integer>();
            kernel.stream().forEach(open::add);
            while (!open.isEmpty()) {
                for (var jump : jumps.get(open.poll())) {
                    var taken = switch (jump.where()) {
                        case ANYWHERE -> true;
                        case AT_START -> atStart;
                        case AT_END -> atEnd;
                    };
                    if (taken && !closed.get(jump.to())) {
                        closed.set(jump.to());
                        open.add(jump.to());
                    }
                }
            }
            return closed;
        }
    }
}
