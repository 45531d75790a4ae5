package dev.lowrank.generate.schema;

import dev.lowrank.generate.schema.RegexParser.UnsupportedException;
import java.util.Map;
import java.util.TreeMap;

/// JSON strings, quotation marks included, as automata.
final class StringAutomata {
    private static final String HEX = "[0-9a-fA-F]";
    private static final String ESCAPE = "\\\\(?:[\"\\\\/bfnrt]|u(?:[0-9a-ce-fA-CE-F]" + HEX + "{3}|[dD][0-7]" + HEX
            + "{2}|[dD][89abAB]" + HEX + "{2}\\\\u[dD][c-fC-F]" + HEX + "{2}))";
    /// A letter in any spelling that JSON has for it but half a surrogate pair.
    private static final String LETTER = "(?:[^\"\\\\\\x00-\\x1f]|" + ESCAPE + ")";

    /// Each letter in one spelling, so that two names are the same when their bytes are.
    private static final String NAME_LETTER = "(?:[^\"\\\\\\x00-\\x1f]|\\\\[\"\\\\bfnrt])";

    private static final String DATE = "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
            + "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
    private static final String TIME =
            "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|(?:\\+0[0-9]|-0[1-9]|[+-]1[0-8]):[0-5][0-9])";
    private static final String HOST = "[a-z0-9]{1,20}(?:-[a-z0-9]{1,10})?(?:\\.[a-z]{2,10}){1,3}";
    private static final String OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

    /// What is written for a format; not every text that the format allows.
    private static final Map<String, String> FORMATS = new TreeMap<>(Map.of(
            "date", DATE,
            "time", TIME,
            "date-time", DATE + "T" + TIME,
            "uuid", "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
            "ipv4", OCTET + "(?:\\." + OCTET + "){3}",
            "email", "[a-zA-Z0-9_+-]{1,32}(?:\\.[a-zA-Z0-9_+-]{1,16})*@" + HOST,
            "uri", "https?://" + HOST + "(?::[1-9][0-9]{0,3})?(?:/[a-zA-Z0-9._~-]{0,32}){0,8}"));

    private StringAutomata() {}

    /// Any string.
    static Automaton any(ByteSet alphabet) {
        return plain("\"" + LETTER + "*\"", alphabet);
    }

    /// What stands between the quotation marks of a property's name.
    static Automaton names(ByteSet alphabet) {
        return plain(NAME_LETTER + "*", alphabet);
    }

    /// Strings in which a pattern is found.
    ///
    /// @throws UnsupportedException if the pattern is not regular
    static Automaton matching(String pattern, ByteSet alphabet) {
        return Regex.automaton(RegexParser.parse(pattern), true, Spelling.JSON, alphabet)
                .quoted(alphabet);
    }

    /// Strings of a format.
    ///
    /// @throws UnsupportedException if the format is not known
    static Automaton formatted(String format, ByteSet alphabet) {
        var pattern = FORMATS.get(format);
        if (pattern == null) {
            throw new UnsupportedException("'" + format + "' is not supported; " + FORMATS.keySet() + " are");
        }
        return Regex.automaton(RegexParser.parse(pattern), false, Spelling.JSON, alphabet)
                .quoted(alphabet);
    }

    /// Strings of so many letters in their one spelling, for use beside a pattern.
    static Automaton ofLength(int least, int most, ByteSet alphabet) {
        var letters = new Regex.Repeat(new Regex.Letters(CodePoints.ALL), least, most);
        return Regex.automaton(letters, false, Spelling.JSON, alphabet).quoted(alphabet);
    }

    private static Automaton plain(String pattern, ByteSet alphabet) {
        return Regex.automaton(RegexParser.parse(pattern), false, Spelling.PLAIN, alphabet);
    }
}
