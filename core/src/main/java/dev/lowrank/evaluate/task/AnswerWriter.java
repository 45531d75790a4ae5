package dev.lowrank.evaluate.task;

import dev.lowrank.evaluate.task.TaskDefinition.Generation;
import dev.lowrank.model.Generator;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.text.Tokenizer;
import java.util.Arrays;
import java.util.List;

/// Lets a model write answers by the rules of lm-evaluation-harness: of a prompt that leaves no room for
/// the answer the beginning is cut; the answer ends before the first of the strings that end it.
///
/// @param generator borrowed
/// @param tokenizer the model's, borrowed
/// @param maxLength tokens that the model reads at once
public record AnswerWriter(Generator generator, Tokenizer tokenizer, int maxLength) {
    /// What a model wrote.
    ///
    /// @param truncated whether the prompt was cut
    record Answer(String text, boolean truncated) {}

    /// Most tokens of an answer.
    int answerTokens(Generation generation) {
        return generation.maxTokens() < maxLength ? generation.maxTokens() : maxLength / 2;
    }

    Answer write(String prompt, Generation generation, SamplingOptions sampling) {
        var most = answerTokens(generation);
        var room = maxLength - most;
        var tokens = tokenizer.encodeWithSpecials(prompt);
        var cut = Math.max(0, tokens.length - room);
        var written = new StringBuilder();
        var found = generator.generate(new Generator.Request(
                Arrays.copyOfRange(tokens, cut, tokens.length),
                most,
                sampling,
                _ -> ended(written, generation.until()),
                written::append));
        return new Answer(before(found.text(), generation.until()), cut > 0);
    }

    private static boolean ended(StringBuilder text, List<String> until) {
        return until.stream().anyMatch(end -> text.indexOf(end) >= 0);
    }

    private static String before(String text, List<String> until) {
        var result = text;
        for (var end : until) {
            var at = result.indexOf(end);
            result = at < 0 ? result : result.substring(0, at);
        }
        return result;
    }
}
