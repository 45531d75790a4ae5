package dev.lowrank.app.serve;

import dev.lowrank.generate.GenerationRequest;
import dev.lowrank.generate.GenerationRequest.Bias;
import dev.lowrank.generate.GenerationRequest.Scoring;
import dev.lowrank.generate.TokenConstraint;
import dev.lowrank.model.SamplingOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// What chat and completion requests have in common.
///
/// @param sampling how tokens are chosen
/// @param choices of each prompt
/// @param bias of the logits
/// @param stops texts that end a choice
/// @param stream whether the answer comes piece by piece
/// @param usage whether a stream ends with what it took
/// @param constraint what may be said; null for anything
record Wanted(
        SamplingOptions sampling,
        int choices,
        Bias bias,
        List<String> stops,
        boolean stream,
        boolean usage,
        @Nullable Supplier<TokenConstraint> constraint) {
    private static final int MOST_STOPS = 16;
    private static final int MOST_STOP_LETTERS = 256;
    private static final int MOST_BIASES = 1024;
    private static final double MOST_BIAS = 100;
    private static final double MOST_TEMPERATURE = 2;
    private static final double MOST_PENALTY = 2;

    static Wanted read(Fields fields, ServedModel model, int parallel) {
        var choices = fields.integer("n", 1, parallel).orElse(1);
        fields.integer("best_of", choices, choices);
        return new Wanted(
                sampling(fields),
                choices,
                bias(fields, model),
                stops(fields),
                fields.flag("stream"),
                fields.fields("stream_options")
                        .map(options -> options.flag("include_usage"))
                        .orElse(false),
                ResponseFormat.read(fields, model));
    }

    private static SamplingOptions sampling(Fields fields) {
        var temperature = fields.number("temperature", 0, MOST_TEMPERATURE, 1);
        // OpenAI's smallest top_p is 0, which leaves the likeliest token.
        var topP = Math.max(fields.number("top_p", 0, 1, 1), Double.MIN_NORMAL);
        var topK = fields.integer("top_k", 0, Integer.MAX_VALUE).orElse(0);
        var repetition = fields.number("repetition_penalty", 0.1, 10, 1);
        var seed = fields.whole("seed", Long.MIN_VALUE, Long.MAX_VALUE)
                .orElseGet(() -> ThreadLocalRandom.current().nextLong());
        return new SamplingOptions(temperature, topK, topP, repetition, seed);
    }

    private static Bias bias(Fields fields, ServedModel model) {
        var tokens = new HashMap<Integer, Float>();
        fields.fields("logit_bias").ifPresent(biases -> readBias(biases, model, tokens));
        var frequency = fields.number("frequency_penalty", -MOST_PENALTY, MOST_PENALTY, 0);
        var presence = fields.number("presence_penalty", -MOST_PENALTY, MOST_PENALTY, 0);
        return new Bias(tokens, frequency, presence);
    }

    private static void readBias(Fields biases, ServedModel model, Map<Integer, Float> tokens) {
        if (biases.object().size() > MOST_BIASES) {
            throw ApiException.bad("logit_bias", "'logit_bias' must have at most " + MOST_BIASES + " tokens");
        }
        for (var name : biases.object().propertyNames()) {
            var token = name.matches("[0-9]{1,9}") ? Integer.parseInt(name) : Integer.MAX_VALUE;
            if (token >= model.tokenizer().vocabularySize()) {
                throw ApiException.bad("logit_bias", "'logit_bias' names a token that the model does not have");
            }
            tokens.put(token, (float) biases.number(name, -MOST_BIAS, MOST_BIAS, 0));
        }
    }

    private static List<String> stops(Fields fields) {
        var stops = fields.texts("stop", MOST_STOPS);
        for (var stop : stops) {
            if (stop.isEmpty() || stop.length() > MOST_STOP_LETTERS) {
                throw fields.wrong("stop", "texts of 1 to " + MOST_STOP_LETTERS + " letters");
            }
        }
        return stops;
    }

    /// The request of one prompt.
    GenerationRequest request(String owner, int[] prompt, int maxTokens, Scoring scoring) {
        return new GenerationRequest(owner, prompt, maxTokens, choices, sampling, bias, scoring, stops, constraint);
    }

    /// How many tokens may be added to a prompt.
    ///
    /// @param asked null for as many as fit
    /// @throws ApiException 400 if that is beyond the context
    static int room(ServedModel model, String parameter, int prompt, @Nullable Integer asked) {
        var context = model.context();
        var least = asked == null ? 1 : asked;
        if ((long) prompt + least > context) {
            throw ApiException.tooLong(
                    parameter,
                    "This model's context is " + context + " tokens; the prompt has " + prompt + " and " + least
                            + " more were asked for. Shorten one of them");
        }
        return asked == null ? context - prompt : asked;
    }
}
