package dev.lowrank.evaluate.sandbox;

import dev.lowrank.checkpoint.Printable;

/// How a program ended.
///
/// @param verdict what counts
/// @param reason why it failed, one printable line of at most 300 characters; empty unless it failed
/// @param output the beginning of what it printed, line ends kept and everything else unprintable escaped
public record Outcome(Verdict verdict, String reason, String output) {
    private static final int REASON_LIMIT = 300;

    /// What counts of a program's end.
    public enum Verdict {
        /// Its last statement was reached.
        PASSED,
        /// It was still running when its time was up.
        TIMED_OUT,
        /// It ended in any other way.
        FAILED
    }

    static Outcome passed(String output) {
        return new Outcome(Verdict.PASSED, "", output);
    }

    static Outcome timedOut(String output) {
        return new Outcome(Verdict.TIMED_OUT, "", output);
    }

    static Outcome failed(String reason, String output) {
        return new Outcome(Verdict.FAILED, Printable.escape(reason, REASON_LIMIT), output);
    }

    /// Whether the program passed.
    public boolean isPassed() {
        return verdict == Verdict.PASSED;
    }

    /// The outcome in the words of the reference evaluation: `passed`, `timed out` or `failed: …`.
    public String label() {
        return switch (verdict) {
            case PASSED -> "passed";
            case TIMED_OUT -> "timed out";
            case FAILED -> "failed: " + reason;
        };
    }
}
