package dev.lowrank.generate.schema;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntPredicate;

/// A set of code points.
///
/// @param ranges in order, neither overlapping nor touching
record CodePoints(List<Range> ranges) {
    static final CodePoints NONE = new CodePoints(List.of());
    static final CodePoints ALL = range(0, Character.MAX_CODE_POINT);
    static final CodePoints DIGITS = range('0', '9');
    static final CodePoints WORD =
            DIGITS.or(range('A', 'Z')).or(range('a', 'z')).or(range('_', '_'));

    /// Space, tab and the line breaks of ASCII, which every dialect counts.
    static final CodePoints SPACES = range(0x09, 0x0d).or(range(' ', ' '));

    /// What some dialect counts as a space.
    static final CodePoints ANY_SPACES = where(
                    letter -> Character.isSpaceChar(letter) || Character.isWhitespace(letter))
            .or(range(0x85, 0x85))
            .or(range(0xfeff, 0xfeff));

    /// What `.` leaves out in some dialect.
    static final CodePoints LINE_ENDS =
            range('\n', '\n').or(range('\r', '\r')).or(range(0x85, 0x85)).or(range(0x2028, 0x2029));

    CodePoints {
        ranges = List.copyOf(ranges);
    }

    /// Code points from one to another, both in it.
    record Range(int first, int last) {}

    static CodePoints range(int first, int last) {
        return new CodePoints(List.of(new Range(first, last)));
    }

    static CodePoints where(IntPredicate rule) {
        var ranges = new ArrayList<Range>();
        var first = -1;
        for (var letter = 0; letter <= Character.MAX_CODE_POINT + 1; letter++) {
            var inside = letter <= Character.MAX_CODE_POINT && rule.test(letter);
            if (inside && first < 0) {
                first = letter;
            } else if (!inside && first >= 0) {
                ranges.add(new Range(first, letter - 1));
                first = -1;
            }
        }
        return new CodePoints(ranges);
    }

    CodePoints or(CodePoints other) {
        var all = new ArrayList<>(ranges);
        all.addAll(other.ranges);
        all.sort(Comparator.comparingInt(Range::first));
        var merged = new ArrayList<Range>();
        for (var range : all) {
            var last = merged.isEmpty() ? null : merged.getLast();
            if (last != null && range.first() <= last.last() + 1) {
                merged.set(merged.size() - 1, new Range(last.first(), Math.max(last.last(), range.last())));
            } else {
                merged.add(range);
            }
        }
        return new CodePoints(merged);
    }

    CodePoints complement() {
        var others = new ArrayList<Range>();
        var next = 0;
        for (var range : ranges) {
            if (range.first() > next) {
                others.add(new Range(next, range.first() - 1));
            }
            next = range.last() + 1;
        }
        if (next <= Character.MAX_CODE_POINT) {
            others.add(new Range(next, Character.MAX_CODE_POINT));
        }
        return new CodePoints(others);
    }
}
