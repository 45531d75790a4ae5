package dev.lowrank.generate.speculative;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.Sampler;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.model.TokenSource;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Tokens of a model that a draft helps: the draft guesses some, the model reads all of them at once, and a
/// guess `x` is kept with probability `min(1, p(x) / q(x))`, `p` and `q` being what model and draft would
/// draw from. The first one not kept is drawn anew from what `p` has more than `q`, so that every token is
/// distributed by `p` (Leviathan et al. 2023, Chen et al. 2023). Without randomness the text is the
/// model's own.
///
/// What is drawn with a seed depends on how many tokens were guessed at once: it is the same again only
/// with a fixed number. It belongs to one thread; model and draft are borrowed.
public final class SpeculativeSource implements TokenSource, AutoCloseable {
    /// Makes the draft's random numbers others than the model's.
    private static final long DRAFT_SEED = 0x9E3779B97F4A7C15L;

    private final Verifier model;
    private final Draft draft;
    private final SamplingOptions options;
    private final int vocabulary;
    private final Supplier<Pace> paces;
    private final LongSupplier clock;
    private @Nullable SpeculativeText text;

    SpeculativeSource(
            Verifier model,
            Draft draft,
            SamplingOptions options,
            int vocabulary,
            Supplier<Pace> paces,
            LongSupplier clock) {
        if (draft.decoder().spec().vocabSize() < vocabulary) {
            throw new IllegalArgumentException("The draft's embedding has "
                    + draft.decoder().spec().vocabSize() + " rows, the tokenizer " + vocabulary + " tokens");
        }
        this.model = model;
        this.draft = draft;
        this.options = options;
        this.vocabulary = vocabulary;
        this.paces = paces;
        this.clock = clock;
    }

    /// As many guesses at once as pay best, measured while the text is made, and none once they do not pay.
    ///
    /// @param options how tokens are chosen, by the model and the draft
    /// @param vocabulary number of tokens the tokenizer knows
    public static SpeculativeSource adaptive(Verifier model, Draft draft, SamplingOptions options, int vocabulary) {
        return new SpeculativeSource(
                model, draft, options, vocabulary, () -> Pace.measured(Pace.MOST), System::nanoTime);
    }

    /// Always the same number of guesses at once, whether it pays or not.
    ///
    /// @param count at least 1
    public static SpeculativeSource fixed(
            Verifier model, Draft draft, SamplingOptions options, int vocabulary, int count) {
        return new SpeculativeSource(model, draft, options, vocabulary, () -> Pace.always(count), System::nanoTime);
    }

    @Override
    public DecoderSpec spec() {
        return model.spec();
    }

    @Override
    public Text begin(int[] prompt, KvCache cache, int capacity, Sampler sampler) {
        close();
        var drafting = Sampler.of(
                new SamplingOptions(
                        options.temperature(),
                        options.topK(),
                        options.topP(),
                        options.repetitionPenalty(),
                        options.seed() ^ DRAFT_SEED),
                vocabulary);
        var begun = new SpeculativeText(model, draft, prompt, cache, capacity, sampler, drafting, paces.get(), clock);
        text = begun;
        return begun;
    }

    /// How the last text went.
    ///
    /// @throws IllegalStateException if none was begun
    public SpeculationReport report() {
        if (text == null) {
            throw new IllegalStateException("No text was begun");
        }
        return text.report();
    }

    /// Frees the draft's cache of the last text.
    @Override
    public void close() {
        if (text != null) {
            text.close();
        }
    }
}
