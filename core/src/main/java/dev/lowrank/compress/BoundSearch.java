package dev.lowrank.compress;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Finds the largest cut whose written model is within a bound, where each model that is written costs a
/// cut of its own. Trials are cheap but measure another model: sites as they were before the sequential
/// update and before rounding. So each round bounds the trials, cuts, measures what was written, and the
/// next bound follows from the ratio of both, or lies between two rounds on either side.
///
/// @param bound largest increase of the written model's loss, in nats per token
/// @param dense loss of the source
/// @param rounds what was cut and measured so far
/// @param chosen the round that was taken; null while none is
record BoundSearch(
        double bound,
        double dense,
        List<Round> rounds,
        @Nullable Integer chosen) {
    private static final int MOST_ROUNDS = 4;
    /// Share of the bound from which on a cut is large enough.
    private static final double CLOSE = 0.95;
    /// Share of the bound that a round aims at.
    private static final double AIM = 0.98;
    /// Most by which a round changes the bound of the trials.
    private static final double STEP = 4;

    BoundSearch {
        rounds = List.copyOf(rounds);
    }

    /// A model that was cut.
    ///
    /// @param kept share of the targets' cost
    /// @param trial increase of the loss that the trial of its ranks measured, in nats per token
    /// @param written increase that the model as written measured
    /// @param cut whether it cuts anything
    record Round(double kept, double trial, double written, boolean cut) {}

    /// What to do next.
    sealed interface Step {}

    /// Allocate again and cut.
    ///
    /// @param trialBound increase allowed to the trials; 0 for a model with nothing cut
    record Cut(double trialBound) implements Step {}

    /// Take what a round wrote.
    record Take(int round) implements Step {}

    /// Nothing is within the bound.
    record Missed() implements Step {}

    BoundSearch with(Round round) {
        var more = new ArrayList<>(rounds);
        more.add(round);
        return new BoundSearch(bound, dense, more, chosen);
    }

    BoundSearch taking(int round) {
        return new BoundSearch(bound, dense, rounds, round);
    }

    /// What follows from the rounds so far.
    ///
    /// @param exhausted whether the last bound led to ranks that were cut before
    Step next(boolean exhausted) {
        var best = best();
        if (best >= 0 && (exhausted || rounds.size() >= MOST_ROUNDS || enough(rounds.get(best)))) {
            return new Take(best);
        }
        if (best < 0 && rounds.stream().anyMatch(round -> !round.cut())) {
            return new Missed();
        }
        return new Cut(best < 0 && (exhausted || rounds.size() >= MOST_ROUNDS) ? 0 : trialBound(best));
    }

    private boolean enough(Round round) {
        return round.trial() <= 0 || round.written() >= CLOSE * bound;
    }

    /// The round within the bound that keeps least; -1 if there is none.
    private int best() {
        var best = -1;
        for (var i = 0; i < rounds.size(); i++) {
            var within = rounds.get(i).written() <= bound;
            if (within && (best < 0 || rounds.get(i).kept() < rounds.get(best).kept())) {
                best = i;
            }
        }
        return best;
    }

    private double trialBound(int best) {
        if (rounds.isEmpty()) {
            return bound;
        }
        var beyond = beyond();
        if (best >= 0 && beyond != null) {
            var low = rounds.get(best);
            var share = (AIM * bound - low.written()) / (beyond.written() - low.written());
            return low.trial() + Math.clamp(share, 0, 1) * (beyond.trial() - low.trial());
        }
        var known = best >= 0 ? rounds.get(best) : beyond;
        if (known == null) {
            throw new IllegalStateException("A round is within the bound or beyond it");
        }
        var ratio = known.written() > 0 ? AIM * bound / known.written() : STEP;
        return known.trial() * Math.clamp(ratio, 1 / STEP, STEP);
    }

    /// The round beyond the bound that lost least; null if there is none.
    private @Nullable Round beyond() {
        Round nearest = null;
        for (var round : rounds) {
            if (round.written() > bound && (nearest == null || round.written() < nearest.written())) {
                nearest = round;
            }
        }
        return nearest;
    }

    /// The figures of the model that was taken.
    Validated validated() {
        if (chosen == null) {
            throw new IllegalStateException("No round is taken yet");
        }
        var round = rounds.get(chosen);
        return new Validated(
                Math.exp(dense),
                Math.exp(dense + round.written()),
                Math.expm1(round.written()),
                Math.expm1(bound),
                rounds.stream()
                        .map(each ->
                                new Validated.Round(each.kept(), Math.expm1(each.trial()), Math.expm1(each.written())))
                        .toList());
    }

    /// What each round found, in words.
    List<String> notes() {
        var words = new ArrayList<String>();
        for (var i = 0; i < rounds.size(); i++) {
            var round = rounds.get(i);
            words.add(String.format(
                    Locale.ROOT,
                    "round %d: kept %.4f of the targets; perplexity %+.2f %% as tried, %+.2f %% as written%s",
                    i + 1,
                    round.kept(),
                    100 * Math.expm1(round.trial()),
                    100 * Math.expm1(round.written()),
                    chosen != null && chosen == i ? " (taken)" : ""));
        }
        return words;
    }
}
