package dev.lowrank.generate;

import dev.lowrank.model.SamplingOptions;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// One prompt and what is wanted of it.
///
/// @param owner whose request it is; what is kept of a text serves the same owner alone
/// @param prompt token ids, special ones included; at least one
/// @param maxTokens most tokens to add to each choice; 0 only reads
/// @param choices continuations of the same prompt, each with a seed of its own
/// @param sampling how tokens are chosen; choice `i` draws with `seed + i`
/// @param bias what is changed of the logits before that
/// @param scoring which log-probabilities are told
/// @param stops texts that end a choice; not part of it
/// @param constraint makes what one choice may say; null for anything
public record GenerationRequest(
        String owner,
        int[] prompt,
        int maxTokens,
        int choices,
        SamplingOptions sampling,
        Bias bias,
        Scoring scoring,
        List<String> stops,
        @Nullable Supplier<TokenConstraint> constraint) {

    /// What is added to the logits.
    ///
    /// @param tokens by id
    /// @param frequency subtracted for each time that a token was chosen
    /// @param presence subtracted once a token was chosen
    public record Bias(Map<Integer, Float> tokens, double frequency, double presence) {
        /// Nothing.
        public static final Bias NONE = new Bias(Map.of(), 0, 0);

        public Bias {
            tokens = Map.copyOf(tokens);
        }
    }

    /// Which log-probabilities are told: those of the model's own distribution, before temperature and
    /// bias.
    ///
    /// @param chosen of the chosen tokens
    /// @param prompt of the prompt's tokens
    /// @param top as many of the most likely tokens beside them
    public record Scoring(boolean chosen, boolean prompt, int top) {
        /// None.
        public static final Scoring NONE = new Scoring(false, false, 0);
    }

    public GenerationRequest {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("The prompt has no tokens; give it some text");
        }
        if (maxTokens < 0 || choices < 1) {
            throw new IllegalArgumentException(
                    maxTokens + " tokens of " + choices + " choices were asked for; expected 0 or more of at least 1");
        }
        prompt = prompt.clone();
        stops = List.copyOf(stops);
    }

    /// One greedy continuation.
    public static GenerationRequest greedy(String owner, int[] prompt, int maxTokens) {
        return new GenerationRequest(
                owner, prompt, maxTokens, 1, SamplingOptions.greedy(), Bias.NONE, Scoring.NONE, List.of(), null);
    }

    /// The same with other scores.
    public GenerationRequest with(Scoring other) {
        return new GenerationRequest(owner, prompt, maxTokens, choices, sampling, bias, other, stops, constraint);
    }

    /// The same with another sampling, for a number of choices.
    public GenerationRequest with(SamplingOptions other, int number) {
        return new GenerationRequest(owner, prompt, maxTokens, number, other, bias, scoring, stops, constraint);
    }

    /// The same with other stops.
    public GenerationRequest with(List<String> other) {
        return new GenerationRequest(owner, prompt, maxTokens, choices, sampling, bias, scoring, other, constraint);
    }

    /// The same with a constraint.
    public GenerationRequest with(Supplier<TokenConstraint> other) {
        return new GenerationRequest(owner, prompt, maxTokens, choices, sampling, bias, scoring, stops, other);
    }

    @Override
    public int[] prompt() {
        return prompt.clone();
    }

    /// Positions that a choice may fill.
    int positions() {
        return prompt.length + maxTokens;
    }
}
