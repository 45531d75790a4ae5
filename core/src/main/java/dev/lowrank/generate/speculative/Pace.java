package dev.lowrank.generate.speculative;

import java.util.Arrays;

/// Says how many tokens to propose next, from what steps, guesses and verifications took and from how many
/// guesses were right; 0 when a plain step is better.
///
/// A round of `k` guesses yields `(1 − a^(k+1)) / (1 − a)` tokens on average where each guess is right with
/// probability `a`, and takes `k` guesses and one verification of `k + 1` tokens.
final class Pace {
    /// Tokens proposed at once unless something else is asked for.
    static final int MOST = 8;

    /// Plain steps before the first guesses and again before the first judgement, when the machine has
    /// warmed up: their costs are what a draft has to beat.
    private static final int PLAIN_FIRST = 3;

    /// Rounds after which a plain step is measured again.
    private static final int ROUNDS_BETWEEN = 12;

    /// Guesses that are tried before they may be found not to pay.
    private static final int TRIED = 16;
    private static final int TRIED_AT_ONCE = 4;

    /// What of the older guesses counts beside a new one.
    private static final double MEMORY = 0.98;

    private final int most;
    private final boolean fixed;
    private final Cost plain = new Cost();
    private final Cost guess = new Cost();
    private final Cost[] verifications;
    private double weight;
    private double rightWeight;
    private int proposed;
    private int plainSteps;
    private int roundsSinceStep;
    private boolean off;
    /// Costs of plain steps go on changing; those of guesses and verifications do not.
    private double gainWhenOff;

    /// The shortest of the last times that something took, in seconds: what makes one longer is something
    /// else on the machine.
    private static final class Cost {
        private final double[] last = new double[9];
        private int count;

        void add(double seconds) {
            last[count++ % last.length] = seconds;
        }

        boolean isKnown() {
            return count > 0;
        }

        double seconds() {
            return Arrays.stream(last, 0, Math.min(count, last.length)).min().orElse(0);
        }
    }

    private Pace(int most, boolean fixed) {
        if (most < 1) {
            throw new IllegalArgumentException("A draft proposes at least 1 token at once, not " + most);
        }
        this.most = most;
        this.fixed = fixed;
        verifications = new Cost[most + 2];
        Arrays.setAll(verifications, _ -> new Cost());
    }

    /// As many as pay best, at most so many; none once they do not pay.
    static Pace measured(int most) {
        return new Pace(most, false);
    }

    /// Always so many.
    static Pace always(int count) {
        return new Pace(count, true);
    }

    /// How many tokens to propose.
    ///
    /// @param room positions that there are for them
    int next(int room) {
        if (off || room < 1) {
            return 0;
        }
        if (fixed) {
            return Math.min(most, room);
        }
        if (plainSteps < PLAIN_FIRST) {
            return 0;
        }
        if (proposed < TRIED) {
            return Math.min(Math.min(TRIED_AT_ONCE, most), room);
        }
        if (plainSteps < 2 * PLAIN_FIRST || roundsSinceStep >= ROUNDS_BETWEEN) {
            return 0;
        }
        var best = best();
        var gain = gain(best);
        if (gain <= 1) {
            off = true;
            gainWhenOff = gain;
            return 0;
        }
        return Math.min(best, room);
    }

    private int best() {
        var best = 1;
        for (var count = 2; count <= most; count++) {
            best = gain(count) > gain(best) ? count : best;
        }
        return best;
    }

    /// Tokens a second with so many guesses at once, in terms of those without.
    double gain(int count) {
        var right = acceptance();
        var tokens = right > 0.9999 ? count + 1 : (1 - Math.pow(right, count + 1)) / (1 - right);
        return tokens * plain.seconds() / (count * guess.seconds() + verification(count + 1));
    }

    /// Seconds to verify so many tokens, on the line through the measured sizes around it.
    private double verification(int tokens) {
        var below = 1;
        for (var size = 2; size <= tokens; size++) {
            below = verifications[size].isKnown() ? size : below;
        }
        var above = tokens;
        while (above < verifications.length && !verifications[above].isKnown()) {
            above++;
        }
        var low = below == 1 ? plain.seconds() : verifications[below].seconds();
        if (below == tokens) {
            return low;
        }
        if (above < verifications.length) {
            return low + (verifications[above].seconds() - low) * (tokens - below) / (above - below);
        }
        var slope = below == 1 ? plain.seconds() : Math.max(0, (low - plain.seconds()) / (below - 1));
        return low + slope * (tokens - below);
    }

    /// Share of guesses that were right, the newer ones counting more.
    double acceptance() {
        return weight == 0 ? 0 : rightWeight / weight;
    }

    void stepped(double seconds) {
        plain.add(seconds);
        plainSteps++;
        roundsSinceStep = 0;
    }

    void guessed(double seconds) {
        guess.add(seconds);
    }

    /// @param count guesses
    /// @param right those that were right, in a row from the first
    void verified(int count, int right, double seconds) {
        verifications[count + 1].add(seconds);
        proposed += count;
        roundsSinceStep++;
        // Guesses behind a wrong one tell nothing.
        for (var i = 0; i < Math.min(count, right + 1); i++) {
            weight = weight * MEMORY + 1;
            rightWeight = rightWeight * MEMORY + (i < right ? 1 : 0);
        }
    }

    /// Seconds of a plain step, 0 where none was measured.
    double plainSeconds() {
        return plain.seconds();
    }

    /// Whether guessing was given up.
    boolean isOff() {
        return off;
    }

    /// What the best number of guesses would gain, 1 being nothing, where it was given up at that moment; 1
    /// where it was not measured.
    double bestGain() {
        if (off) {
            return gainWhenOff;
        }
        return plain.isKnown() && guess.isKnown() && weight > 0 ? gain(best()) : 1;
    }
}
