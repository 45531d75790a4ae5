package dev.lowrank.generate.schema;

import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;

/// A deterministic automaton over bytes. From every state but those of [#isEmpty()] the end can be reached.
final class Automaton {
    /// No way on.
    static final int DEAD = -1;

    private final int start;
    private final int states;
    /// For each byte its class: bytes of a class lead on alike from every state.
    private final byte[] classes;
    private final int classCount;
    /// `[state][class]`.
    private final int[] next;
    private final BitSet accepting;

    /// @param rows of living states, as in [#trimmed]
    private Automaton(int start, List<int[]> rows, BitSet accepting) {
        this.start = start;
        this.accepting = accepting;
        states = rows.size();
        classes = new byte[256];
        var columns = new HashMap<IntBuffer, Integer>();
        for (var value = 0; value < 256; value++) {
            var column = new int[states];
            for (var state = 0; state < states; state++) {
                column[state] = rows.get(state)[value];
            }
            classes[value] = (byte) (int) columns.computeIfAbsent(IntBuffer.wrap(column), _ -> columns.size());
        }
        classCount = columns.size();
        next = new int[states * classCount];
        for (var state = 0; state < states; state++) {
            for (var value = 0; value < 256; value++) {
                next[state * classCount + (classes[value] & 0xff)] = rows.get(state)[value];
            }
        }
    }

    /// An automaton without the states from which no end is reached.
    ///
    /// @param start the first state, or [#DEAD]
    /// @param rows for each state 256 next states, [#DEAD] where there is none
    static Automaton trimmed(int start, List<int[]> rows, BitSet accepting) {
        var alive = alive(rows, accepting);
        var places = new int[rows.size()];
        var count = 0;
        for (var state = 0; state < places.length; state++) {
            places[state] = alive.get(state) ? count++ : DEAD;
        }
        var kept = new ArrayList<int[]>(count);
        var ends = new BitSet(count);
        for (var state = alive.nextSetBit(0); state >= 0; state = alive.nextSetBit(state + 1)) {
            ends.set(places[state], accepting.get(state));
            var row = deadRow();
            for (var value = 0; value < 256; value++) {
                var to = rows.get(state)[value];
                row[value] = to == DEAD ? DEAD : places[to];
            }
            kept.add(row);
        }
        return new Automaton(start == DEAD ? DEAD : places[start], kept, ends);
    }

    private static BitSet alive(List<int[]> rows, BitSet accepting) {
        var before = new ArrayList<List<Integer>>();
        rows.forEach(_ -> before.add(new ArrayList<>()));
        for (var state = 0; state < rows.size(); state++) {
            var last = DEAD;
            for (var to : rows.get(state)) {
                if (to != DEAD && to != last) {
                    before.get(to).add(state);
                    last = to;
                }
            }
        }
        var alive = (BitSet) accepting.clone();
        var open = new ArrayDeque<Integer>();
        accepting.stream().forEach(open::add);
        while (!open.isEmpty()) {
            for (var from : before.get(open.poll())) {
                if (!alive.get(from)) {
                    alive.set(from);
                    open.add(from);
                }
            }
        }
        return alive;
    }

    /// Exactly one text.
    static Automaton literal(String text, ByteSet alphabet) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        var rows = new ArrayList<int[]>();
        for (var value : bytes) {
            rows.add(deadRow());
            if (alphabet.contains(value & 0xff)) {
                rows.getLast()[value & 0xff] = rows.size();
            }
        }
        rows.add(deadRow());
        var accepting = new BitSet();
        accepting.set(bytes.length);
        return trimmed(0, rows, accepting);
    }

    static int[] deadRow() {
        var row = new int[256];
        Arrays.fill(row, DEAD);
        return row;
    }

    /// What both accept.
    ///
    /// @throws TooLargeException if it would need too many states
    Automaton and(Automaton other) {
        var places = new HashMap<Long, Integer>();
        var pairs = new ArrayList<long[]>();
        var rows = new ArrayList<int[]>();
        var accepting = new BitSet();
        var first = place(start, other.start, places, pairs);
        for (var state = 0; state < pairs.size(); state++) {
            if (pairs.size() > NfaBuilder.MOST_STATES) {
                throw new TooLargeException();
            }
            var mine = (int) pairs.get(state)[0];
            var others = (int) pairs.get(state)[1];
            accepting.set(state, ends(mine) && other.ends(others));
            var row = deadRow();
            for (var value = 0; value < 256; value++) {
                row[value] = place(next(mine, value), other.next(others, value), places, pairs);
            }
            rows.add(row);
        }
        return trimmed(first, rows, accepting);
    }

    private static int place(int mine, int others, HashMap<Long, Integer> places, List<long[]> pairs) {
        if (mine == DEAD || others == DEAD) {
            return DEAD;
        }
        return places.computeIfAbsent((long) mine << 32 | (others & 0xffff_ffffL), _ -> {
            pairs.add(new long[] {mine, others});
            return pairs.size() - 1;
        });
    }

    /// The same between two quotation marks, which it must not read itself.
    Automaton quoted(ByteSet alphabet) {
        if (isEmpty() || !alphabet.contains('"')) {
            return trimmed(DEAD, List.of(), new BitSet());
        }
        var rows = rows();
        var end = rows.size();
        accepting.stream().forEach(state -> rows.get(state)['"'] = end);
        rows.add(deadRow());
        rows.add(deadRow());
        rows.getLast()['"'] = start;
        var ends = new BitSet();
        ends.set(end);
        return trimmed(end + 1, rows, ends);
    }

    /// The same without the texts that begin with a byte.
    Automaton notBeginningWith(int value) {
        if (isEmpty()) {
            return this;
        }
        var rows = rows();
        rows.add(rows.get(start).clone());
        rows.getLast()[value] = DEAD;
        var ends = (BitSet) accepting.clone();
        ends.set(rows.size() - 1, accepting.get(start));
        return trimmed(rows.size() - 1, rows, ends);
    }

    private List<int[]> rows() {
        var rows = new ArrayList<int[]>();
        for (var state = 0; state < states; state++) {
            var row = deadRow();
            for (var value = 0; value < 256; value++) {
                row[value] = next(state, value);
            }
            rows.add(row);
        }
        return rows;
    }

    /// Where a text begins.
    int start() {
        return start;
    }

    int states() {
        return states;
    }

    /// Whether it accepts nothing at all.
    boolean isEmpty() {
        return start == DEAD;
    }

    /// The state after a byte, 0 to 255.
    int next(int state, int value) {
        return state == DEAD ? DEAD : next[state * classCount + (classes[value] & 0xff)];
    }

    boolean ends(int state) {
        return state != DEAD && accepting.get(state);
    }

    /// Whether a whole text is one of its.
    boolean accepts(String text) {
        var state = start;
        for (var value : text.getBytes(StandardCharsets.UTF_8)) {
            state = next(state, value & 0xff);
        }
        return ends(state);
    }

    /// An automaton that would need more states than are allowed.
    static final class TooLargeException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TooLargeException() {
            super("needs more than " + NfaBuilder.MOST_STATES + " states");
        }
    }
}
