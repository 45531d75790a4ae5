package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.evaluate.Perplexity;
import dev.lowrank.evaluate.Representation;
import dev.lowrank.evaluate.SpeedMeter;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The size, quality and speed of a model. Its parts are documents, with the keys of the commands'
/// contract.
///
/// @param parameters numbers stored
/// @param bytes bytes of the weight files
/// @param perplexity one figure for each text, in order
/// @param representation one figure for each text, in order; none where it was not asked for
/// @param tasks one figure for each metric of each task, in order
/// @param speed null where none was asked for
record Measurement(
        long parameters,
        long bytes,
        List<TextFigure> perplexity,
        List<SpreadFigure> representation,
        List<TaskMeasurement.TaskFigure> tasks,
        @Nullable SpeedFigure speed) {
    private static final int ROUNDS = 3;

    Measurement {
        perplexity = List.copyOf(perplexity);
        representation = List.copyOf(representation);
        tasks = List.copyOf(tasks);
    }

    /// Perplexity on a text.
    ///
    /// @param text as the user named it
    /// @param window tokens in a window
    /// @param windows number of windows
    /// @param tokens predictions
    /// @param value perplexity
    /// @param error its standard error over windows; absent for a single one
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record TextFigure(
            @JsonProperty("text") String text,
            @JsonProperty("window") int window,
            @JsonProperty("windows") int windows,
            @JsonProperty("tokens") long tokens,
            @JsonProperty("value") double value,
            @JsonProperty("stderr") @Nullable Double error) {
        static TextFigure of(String text, Perplexity found) {
            var error = found.standardError();
            return new TextFigure(
                    text,
                    found.window(),
                    found.windows(),
                    found.tokens(),
                    found.value(),
                    Double.isNaN(error) ? null : error);
        }
    }

    /// How the last hidden states of a text spread, see [Representation].
    ///
    /// @param text as the user named it
    /// @param windows number of windows
    /// @param matrixEntropy 0 to 1
    /// @param matrixNuclearNorm the approximation by column lengths
    record SpreadFigure(
            @JsonProperty("text") String text,
            @JsonProperty("windows") int windows,
            @JsonProperty("matrix_entropy") double matrixEntropy,
            @JsonProperty("matrix_nuclear_norm") double matrixNuclearNorm) {
        private static SpreadFigure of(Representation found) {
            return new SpreadFigure(found.text(), found.windows(), found.matrixEntropy(), found.matrixNuclearNorm());
        }
    }

    /// Speed of one sequence.
    ///
    /// @param prefill prompt tokens a second
    /// @param decode tokens a second after the prompt
    /// @param firstToken seconds from the prompt to the first token
    /// @param promptTokens tokens of the prompt
    /// @param decodeTokens tokens decoded
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record SpeedFigure(
            @JsonProperty("prefill_tokens_per_second") double prefill,
            @JsonProperty("decode_tokens_per_second") double decode,
            @JsonProperty("time_to_first_token_seconds") double firstToken,
            @JsonProperty("prompt_tokens") int promptTokens,
            @JsonProperty("decode_tokens") int decodeTokens) {}

    /// How speed is measured.
    ///
    /// @param promptTokens tokens of the prompt, taken from the first text; 0 for no measurement
    /// @param decodeTokens tokens decoded after it
    record SpeedPlan(int promptTokens, int decodeTokens) {
        static final SpeedPlan NONE = new SpeedPlan(0, 0);
    }

    /// Measures a model: perplexity first, since a damaged model has no speed worth knowing.
    ///
    /// @throws dev.lowrank.tensor.NumericalException if a loss is not finite
    static Measurement of(LanguageModel model, Yardstick yardstick, Progress progress) {
        var texts = yardstick.texts();
        var plan = texts.isEmpty() ? SpeedPlan.NONE : yardstick.speed();
        var figures = new ArrayList<TextFigure>();
        try (var torch = TorchDecoder.load(model, Residency.of(model))) {
            for (var text : texts) {
                figures.add(TextFigure.of(text.name(), Perplexity.measure(torch, text.set(), progress)));
            }
            var spread = new ArrayList<SpreadFigure>();
            for (var text : yardstick.representation() ? texts : List.<EvaluationTexts.Text>of()) {
                spread.add(SpreadFigure.of(Representation.measure(torch, text.name(), text.set(), progress)));
            }
            var tasks = TaskMeasurement.of(model, torch, yardstick.tasks(), progress);
            var speed = plan.promptTokens() == 0 ? null : speed(model, torch, prompt(texts.getFirst(), plan), plan);
            return new Measurement(
                    model.weights().parameters(), model.checkpoint().weightBytes(), figures, spread, tasks, speed);
        }
    }

    private static SpeedFigure speed(LanguageModel model, TorchDecoder torch, int[] prompt, SpeedPlan plan) {
        try (var row = RowDecoder.of(model)) {
            var found = new SpeedMeter(torch, row, DType.F32).measure(prompt, plan.decodeTokens(), ROUNDS);
            return new SpeedFigure(
                    found.prefillTokensPerSecond(),
                    found.decodeTokensPerSecond(),
                    found.timeToFirstTokenSeconds(),
                    found.promptTokens(),
                    found.decodedTokens());
        }
    }

    /// The first tokens of a text, as many as there are.
    private static int[] prompt(EvaluationTexts.Text text, SpeedPlan plan) {
        return text.set().windows().stream()
                .flatMapToInt(Arrays::stream)
                .limit(plan.promptTokens())
                .toArray();
    }
}
