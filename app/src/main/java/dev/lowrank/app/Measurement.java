package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.sun.management.OperatingSystemMXBean;
import dev.lowrank.evaluate.Perplexity;
import dev.lowrank.evaluate.ProcessMemory;
import dev.lowrank.evaluate.SpeedMeter;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.text.EvaluationSet;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What `evaluate --json` prints; its keys are a contract.
///
/// @param model path
/// @param parameters numbers of the whole model
/// @param bytes bytes of its weight files
/// @param protocol how perplexity is taken
/// @param perplexity one for each text
/// @param speed absent with `--no-speed`
/// @param peakMemoryBytes peak resident memory of the process so far
@JsonInclude(JsonInclude.Include.NON_NULL)
record Measurement(
        @JsonProperty("model") String model,
        @JsonProperty("parameters") long parameters,
        @JsonProperty("bytes") long bytes,
        @JsonProperty("protocol") String protocol,
        @JsonProperty("perplexity") List<Text> perplexity,
        @JsonProperty("speed") @Nullable Speed speed,
        @JsonProperty("peak_memory_bytes") long peakMemoryBytes) {

    private static final int PROMPT_TOKENS = 512;
    private static final int DECODED_TOKENS = 128;
    private static final int ROUNDS = 3;

    /// @param text file as it was named
    /// @param window tokens in a window
    /// @param windows how many
    /// @param tokens predictions
    /// @param value perplexity
    record Text(
            @JsonProperty("text") String text,
            @JsonProperty("window") int window,
            @JsonProperty("windows") int windows,
            @JsonProperty("tokens") long tokens,
            @JsonProperty("value") double value) {}

    /// @param prefill prompt tokens per second
    /// @param decode tokens per second after the first
    /// @param firstToken seconds to the first token
    /// @param promptTokens tokens of the prompt
    /// @param decodedTokens tokens decoded
    record Speed(
            @JsonProperty("prefill_tokens_per_second") double prefill,
            @JsonProperty("decode_tokens_per_second") double decode,
            @JsonProperty("time_to_first_token_seconds") double firstToken,
            @JsonProperty("prompt_tokens") int promptTokens,
            @JsonProperty("decoded_tokens") int decodedTokens) {}

    /// Measures an open model.
    ///
    /// @param names the texts as they were named
    /// @param sets the same texts cut for this model's tokenizer
    /// @param speed whether to measure speed too
    static Measurement of(
            LanguageModel model, List<String> names, List<EvaluationSet> sets, boolean speed, Progress progress) {
        try (var decoder = TorchDecoder.load(model, residency(model))) {
            var texts = new ArrayList<Text>();
            for (var i = 0; i < sets.size(); i++) {
                var result = Perplexity.measure(decoder, sets.get(i), progress);
                texts.add(new Text(names.get(i), result.window(), result.windows(), result.tokens(), result.value()));
            }
            return new Measurement(
                    model.checkpoint().path().toString(),
                    model.weights().parameters(),
                    model.checkpoint().weightBytes(),
                    Perplexity.PROTOCOL,
                    texts,
                    speed ? speed(model, decoder, prompt(model, sets)) : null,
                    ProcessMemory.peakBytes());
        }
    }

    /// All blocks at once where they take at most half of the machine's memory.
    static Residency residency(LanguageModel model) {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        var wanted = model.weights().parameters() * Float.BYTES;
        return wanted <= system.getTotalMemorySize() / 2 ? Residency.RESIDENT : Residency.STREAMED;
    }

    private static Speed speed(LanguageModel model, TorchDecoder prefill, int[] prompt) {
        try (var decoder = RowDecoder.of(model)) {
            var speed = SpeedMeter.measure(prefill, decoder, prompt, DECODED_TOKENS, ROUNDS);
            return new Speed(
                    speed.prefillTokensPerSecond(),
                    speed.decodeTokensPerSecond(),
                    speed.timeToFirstTokenSeconds(),
                    speed.promptTokens(),
                    speed.decodedTokens());
        }
    }

    /// The start of the first text; without one, ids in turn, which take the same time.
    private static int[] prompt(LanguageModel model, List<EvaluationSet> sets) {
        var prompt = new int[PROMPT_TOKENS];
        var at = 0;
        while (at < prompt.length && !sets.isEmpty()) {
            for (var window : sets.getFirst().windows()) {
                var length = Math.min(window.length, prompt.length - at);
                System.arraycopy(window, 0, prompt, at, length);
                at += length;
            }
        }
        for (var i = at; i < prompt.length; i++) {
            prompt[i] = i % model.spec().vocabSize();
        }
        return prompt;
    }

    /// The same for people.
    String text() {
        var text = new StringBuilder(model).append('\n');
        text.append(Figures.count(parameters)).append(" parameters in ").append(Figures.bytes(bytes));
        text.append(", ").append(Figures.decimal(8.0 * bytes / parameters, 2)).append(" bits per weight\n\n");
        if (!perplexity.isEmpty()) {
            var table = Table.of("text", "window", "windows", "tokens", "perplexity");
            for (var line : perplexity) {
                table.row(
                        line.text(),
                        Integer.toString(line.window()),
                        Integer.toString(line.windows()),
                        Figures.count(line.tokens()),
                        Figures.decimal(line.value(), 3));
            }
            text.append(table.render()).append("protocol: ").append(protocol).append("\n\n");
        }
        if (speed != null) {
            text.append(String.format(
                    "prefill %s tokens/s, decode %s tokens/s, first token after %s (prompt %d, decoded %d)%n",
                    Figures.decimal(speed.prefill(), 0),
                    Figures.decimal(speed.decode(), 1),
                    Figures.seconds(speed.firstToken()),
                    speed.promptTokens(),
                    speed.decodedTokens()));
        }
        return text.append("peak memory ")
                .append(Figures.bytes(peakMemoryBytes))
                .append('\n')
                .toString();
    }
}
