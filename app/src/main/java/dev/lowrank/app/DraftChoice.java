package dev.lowrank.app;

import dev.lowrank.generate.speculative.Draft;
import dev.lowrank.generate.speculative.SpeculativeSource;
import dev.lowrank.generate.speculative.Verifier;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.SamplingOptions;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options that say who guesses tokens ahead of the model.
final class DraftChoice {
    private static final String SKIP = "skip:";
    private static final String RANGE = "[0-9]{1,4}(-[0-9]{1,4})?";

    @Option(
            names = "--draft",
            paramLabel = "MODEL|skip:LAYERS",
            description = "A faster model of the same tokens guesses ahead, and this one checks several guesses at"
                    + " once; or this one itself without some layers, e.g. skip:20,24-27. The text is distributed as"
                    + " without a draft, and without randomness it is the same. Given up where it does not pay.")
    private @Nullable String draft;

    @Option(
            names = "--draft-tokens",
            paramLabel = "K",
            description = "Guess always K tokens at once, whether it pays or not; without it as many as pay best.")
    private @Nullable Integer tokens;

    /// The draft as it was given; null for none.
    @Nullable
    String name() {
        return draft;
    }

    /// Opens the draft for a writer.
    ///
    /// @return null where none is wanted; the caller closes it before the writer
    /// @throws CommandException with code 2 for values that mean nothing, or another tokenizer
    @Nullable
    Drafting open(ModelArgument models, Writer writer, SamplingOptions sampling) {
        if (draft == null) {
            if (tokens != null) {
                throw new CommandException(
                        ExitCode.USAGE, "--draft-tokens needs --draft.", "Name a draft, or leave --draft-tokens out.");
            }
            return null;
        }
        if (tokens != null && (tokens < 1 || tokens >= RowDecoder.MAX_ROWS)) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--draft-tokens must be 1 to " + (RowDecoder.MAX_ROWS - 1) + ", not " + tokens + ".",
                    "Try 4.");
        }
        if (draft.startsWith(SKIP)) {
            var layers = layers(draft.substring(SKIP.length()));
            var guesser = UsageErrors.check(() -> writer.draftSkipping(layers));
            return new Drafting(source(writer, guesser, sampling), guesser, null);
        }
        var other = Writer.open(models.resolve(draft));
        try {
            UsageErrors.check(() -> {
                Draft.requireSameTokens(writer.tokenizer(), other.tokenizer());
                return true;
            });
            var guesser = other.draft();
            return new Drafting(source(writer, guesser, sampling), guesser, other);
        } catch (RuntimeException failure) {
            other.close();
            throw failure;
        }
    }

    private SpeculativeSource source(Writer writer, Draft guesser, SamplingOptions sampling) {
        Verifier model = writer.verifier();
        var vocabulary = writer.tokenizer().vocabularySize();
        return tokens == null
                ? SpeculativeSource.adaptive(model, guesser, sampling, vocabulary)
                : SpeculativeSource.fixed(model, guesser, sampling, vocabulary, tokens);
    }

    /// Layers such as `3,5-7`.
    static Set<Integer> layers(String text) {
        var layers = new HashSet<Integer>();
        for (var part : text.split(",", -1)) {
            if (!part.matches(RANGE)) {
                throw new CommandException(
                        ExitCode.USAGE,
                        "--draft skip:" + text + " does not list layers.",
                        "Count layers from 0, e.g. skip:20,24-27.");
            }
            var ends = part.split("-", -1);
            for (var layer = Integer.parseInt(ends[0]); layer <= Integer.parseInt(ends[ends.length - 1]); layer++) {
                layers.add(layer);
            }
        }
        return layers;
    }

    /// A source of tokens with what it borrows.
    record Drafting(
            SpeculativeSource source, Draft draft, @Nullable Writer other) implements AutoCloseable {
        @Override
        public void close() {
            source.close();
            draft.close();
            if (other != null) {
                other.close();
            }
        }
    }
}
