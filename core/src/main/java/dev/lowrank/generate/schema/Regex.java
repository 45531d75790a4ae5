package dev.lowrank.generate.schema;

import dev.lowrank.generate.schema.NfaBuilder.Where;
import java.util.List;

/// A regular expression, read.
sealed interface Regex {
    /// One letter of a set.
    record Letters(CodePoints set) implements Regex {}

    /// One after the other; none of them is the empty text.
    record Sequence(List<Regex> parts) implements Regex {}

    /// One of them.
    record Choice(List<Regex> branches) implements Regex {}

    /// The same again and again.
    ///
    /// @param most -1 for no limit
    record Repeat(Regex part, int least, int most) implements Regex {}

    /// The beginning or the end of the text.
    record Anchor(Where where) implements Regex {}

    Regex EMPTY = new Sequence(List.of());

    /// An automaton of the texts in which this is found somewhere, or of those that are this as a whole.
    ///
    /// @throws Automaton.TooLargeException if it would need too many states
    static Automaton automaton(Regex regex, boolean anywhere, Spelling spelling, ByteSet alphabet) {
        var nfa = new NfaBuilder();
        var start = nfa.state();
        var around = new Repeat(new Letters(CodePoints.ALL), 0, -1);
        var whole = anywhere ? new Sequence(List.of(around, regex, around)) : regex;
        return nfa.deterministic(start, build(whole, start, nfa, spelling), alphabet);
    }

    private static int build(Regex regex, int from, NfaBuilder nfa, Spelling spelling) {
        return switch (regex) {
            case Letters(var set) -> {
                var to = nfa.state();
                set.ranges().forEach(range -> spelling.add(nfa, from, range.first(), range.last(), to));
                yield to;
            }
            case Sequence(var parts) -> {
                var at = nfa.state();
                nfa.jump(from, at);
                for (var part : parts) {
                    at = build(part, at, nfa, spelling);
                }
                yield at;
            }
            case Choice(var branches) -> {
                var to = nfa.state();
                branches.forEach(branch -> nfa.jump(build(branch, from, nfa, spelling), to));
                yield to;
            }
            case Repeat repeat -> build(repeat, from, nfa, spelling);
            case Anchor(var where) -> {
                var to = nfa.state();
                nfa.jump(from, to, where);
                yield to;
            }
        };
    }

    private static int build(Repeat repeat, int from, NfaBuilder nfa, Spelling spelling) {
        var at = from;
        for (var i = 0; i < repeat.least(); i++) {
            at = build(repeat.part(), at, nfa, spelling);
        }
        if (repeat.most() < 0) {
            var loop = nfa.state();
            nfa.jump(at, loop);
            nfa.jump(build(repeat.part(), loop, nfa, spelling), loop);
            return loop;
        }
        var end = nfa.state();
        for (var i = repeat.least(); i < repeat.most(); i++) {
            nfa.jump(at, end);
            at = build(repeat.part(), at, nfa, spelling);
        }
        nfa.jump(at, end);
        return end;
    }
}
