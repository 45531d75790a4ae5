package dev.lowrank.generate.speculative;

import dev.lowrank.model.KvCache;
import dev.lowrank.model.Sampler;
import dev.lowrank.model.TokenSource;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.function.LongSupplier;

/// One text with guesses.
///
/// The tokens are those of the prompt and those chosen; the model's cache holds all of them but the last
/// one between two rounds, the draft's own cache a beginning of them.
final class SpeculativeText implements TokenSource.Text, AutoCloseable {
    private final Verifier model;
    private final Draft draft;
    private final KvCache cache;
    private final KvCache draftCache;
    private final Sampler sampler;
    private final Sampler drafting;
    private final Pace pace;
    private final LongSupplier clock;
    private final int capacity;
    private final Deque<Integer> chosen = new ArrayDeque<>();
    private int[] tokens;
    private int count;
    private int given;
    private int rounds;
    private int proposed;
    private int accepted;
    private int plainSteps;
    private long nanos;

    SpeculativeText(
            Verifier model,
            Draft draft,
            int[] prompt,
            KvCache cache,
            int capacity,
            Sampler sampler,
            Sampler drafting,
            Pace pace,
            LongSupplier clock) {
        this.model = model;
        this.draft = draft;
        this.cache = cache;
        this.sampler = sampler;
        this.drafting = drafting;
        this.pace = pace;
        this.clock = clock;
        this.capacity = capacity;
        draftCache = draft.cache(cache);
        tokens = prompt.clone();
        count = prompt.length;
        given = count;
    }

    @Override
    public int first() {
        var token = sampler.next(model.prefill(Arrays.copyOfRange(tokens, cache.length(), count), cache));
        choose(token);
        return give();
    }

    @Override
    public boolean hasRoom() {
        return given - 1 < capacity;
    }

    @Override
    public int next() {
        if (chosen.isEmpty()) {
            // The last position is for the token that the round itself adds.
            var guesses = pace.next(Math.min(capacity, draft.decoder().spec().maxPositions()) - cache.length() - 1);
            if (guesses == 0) {
                step();
            } else {
                round(guesses);
            }
        }
        return give();
    }

    private int give() {
        given++;
        return chosen.remove();
    }

    private void choose(int token) {
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
        }
        tokens[count++] = token;
        chosen.add(token);
    }

    private void step() {
        var start = clock.getAsLong();
        choose(sampler.next(model.step(tokens[count - 1], cache)));
        plainSteps++;
        pace.stepped(since(start));
    }

    private void round(int guesses) {
        var read = cache.length();
        var likelihoods = new double[guesses][];
        var run = Arrays.copyOf(new int[] {tokens[count - 1]}, guesses + 1);
        propose(run, likelihoods);
        cache.advanceTo(read);
        var start = clock.getAsLong();
        var logits = model.verify(run, cache);
        var kept = keep(run, likelihoods, logits);
        cache.advanceTo(read + 1 + kept);
        draftCache.advanceTo(Math.min(draftCache.length(), read + 1 + kept));
        rounds++;
        proposed += guesses;
        accepted += kept;
        pace.verified(guesses, kept, since(start));
    }

    /// Seconds, added to those of the whole text.
    private double since(long start) {
        var passed = clock.getAsLong() - start;
        nanos += passed;
        return passed * 1e-9;
    }

    /// @param run begins with the token chosen last; filled with guesses
    /// @param likelihoods filled with what each guess was drawn from
    private void propose(int[] run, double[][] likelihoods) {
        drafting.seeAs(sampler);
        var start = clock.getAsLong();
        var logits = catchUp();
        for (var i = 0; i < likelihoods.length; i++) {
            likelihoods[i] = drafting.probabilities(logits);
            run[i + 1] = drafting.draw(likelihoods[i]);
            drafting.see(run[i + 1]);
            if (i + 1 < likelihoods.length) {
                logits = draft.decoder().step(run[i + 1], draftCache);
            }
        }
        pace.guessed(since(start) / likelihoods.length);
    }

    /// The draft reads what it has not yet read, up to the token chosen last.
    private float[] catchUp() {
        var unread = Arrays.copyOfRange(tokens, draftCache.length(), count);
        return unread.length == 1
                ? draft.decoder().step(unread[0], draftCache)
                : draft.prefill().prefill(unread, draftCache);
    }

    /// Chooses as many tokens as guesses are kept, and one more.
    ///
    /// @return guesses kept
    private int keep(int[] run, double[][] likelihoods, float[][] logits) {
        for (var i = 0; i < likelihoods.length; i++) {
            var guess = run[i + 1];
            var wanted = sampler.probabilities(logits[i]);
            var likelihood = likelihoods[i][guess];
            if (sampler.uniform() * likelihood >= wanted[guess]) {
                chooseAnew(wanted, likelihoods[i]);
                return i;
            }
            sampler.see(guess);
            choose(guess);
        }
        choose(sampler.next(logits[likelihoods.length]));
        return likelihoods.length;
    }

    private void chooseAnew(double[] wanted, double[] guessed) {
        var left = 0.0;
        var more = new double[wanted.length];
        for (var i = 0; i < more.length; i++) {
            more[i] = Math.max(0, wanted[i] - guessed[i]);
            left += more[i];
        }
        // Two equal distributions leave only rounding, and then a guess is refused only by rounding.
        var token = sampler.draw(left > 0 ? more : wanted);
        sampler.see(token);
        choose(token);
    }

    SpeculationReport report() {
        return new SpeculationReport(
                rounds,
                proposed,
                accepted,
                plainSteps,
                nanos * 1e-9,
                pace.plainSeconds(),
                pace.isOff(),
                pace.bestGain());
    }

    @Override
    public void close() {
        if (!draft.shares()) {
            draftCache.close();
        }
    }
}
