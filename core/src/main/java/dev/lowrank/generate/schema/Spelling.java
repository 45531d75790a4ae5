package dev.lowrank.generate.schema;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/// How a letter is written in a text.
enum Spelling {
    /// As its UTF-8.
    PLAIN {
        @Override
        void add(NfaBuilder nfa, int from, int first, int last, int to) {
            nfa.codePoints(from, first, last, to);
        }
    },
    /// As JSON writers put it between quotation marks: a short escape where there is one, four hexadecimal
    /// digits for other
    /// control characters, else its UTF-8. Each letter has one spelling.
    JSON {
        @Override
        void add(NfaBuilder nfa, int from, int first, int last, int to) {
            var at = first;
            for (var escaped : ESCAPED) {
                if (escaped < at || escaped > last) {
                    continue;
                }
                if (escaped > at) {
                    nfa.codePoints(from, at, escaped - 1, to);
                }
                nfa.bytes(from, escape(escaped).getBytes(StandardCharsets.US_ASCII), to);
                at = escaped + 1;
            }
            if (at <= last) {
                nfa.codePoints(from, at, last, to);
            }
        }
    };

    private static final List<Integer> ESCAPED = escaped();
    private static final String SHORT = "\"\"\\\\\bb\ff\nn\rr\tt";

    private static List<Integer> escaped() {
        return IntStream.range(0, 128)
                .filter(letter -> letter < 0x20 || letter == '"' || letter == '\\')
                .boxed()
                .toList();
    }

    private static String escape(int letter) {
        for (var i = 0; i < SHORT.length(); i += 2) {
            if (SHORT.charAt(i) == letter) {
                return "\\" + SHORT.charAt(i + 1);
            }
        }
        return String.format(Locale.ROOT, "\\u%04x", letter);
    }

    /// Ways from one state to another for every letter of a range.
    abstract void add(NfaBuilder nfa, int from, int first, int last, int to);
}
