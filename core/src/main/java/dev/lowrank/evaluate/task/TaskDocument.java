package dev.lowrank.evaluate.task;

import dev.lowrank.text.DataRecord;
import java.util.List;

/// A record as a model is asked it.
///
/// @param record the fields, under the names of the prompts
/// @param group value of the task's group column; empty for none
/// @param contexts one, or one for each choice
/// @param choices continuations; empty where there is nothing to choose from. With several contexts, the
///     one
///     continuation of them all
/// @param gold places of the right choices; empty where the answer is a text
/// @param target the right answer as text; empty where it is a choice
record TaskDocument(
        DataRecord record,
        String group,
        List<String> contexts,
        List<String> choices,
        List<Integer> gold,
        String target) {
    TaskDocument {
        contexts = List.copyOf(contexts);
        choices = List.copyOf(choices);
        gold = List.copyOf(gold);
    }

    /// How many answers there are.
    int answers() {
        return Math.max(contexts.size(), choices.size());
    }
}
