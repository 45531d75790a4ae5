package dev.lowrank.evaluate.task;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a task is; read from a small file by [TaskReader].
///
/// @param name the task's
/// @param output what a model is asked for
/// @param data where its records are
/// @param layouts how columns become the fields that prompts use; the first whose columns are there is
///     taken
/// @param prompt how a record becomes a prompt
/// @param shots examples before the question
/// @param metrics what is counted, at least one
/// @param generation how a continuation is generated; null where none is
/// @param group column whose values are tasks of their own, counted together by their number of documents;
///     null for none
public record TaskDefinition(
        String name,
        OutputType output,
        Data data,
        List<Layout> layouts,
        Prompt prompt,
        Shots shots,
        List<Counted> metrics,
        @Nullable Generation generation,
        @Nullable String group) {
    public TaskDefinition {
        layouts = List.copyOf(layouts);
        metrics = List.copyOf(metrics);
    }

    /// Where records are.
    ///
    /// @param file name in the data folder; a `.parquet` file of the same name serves as well
    /// @param source where to get it
    public record Data(String file, String source) {}

    /// A way to read records.
    ///
    /// @param needs columns that must be there
    /// @param fields what prompts call them; a column that is not named here keeps its name
    /// @param preparation code that a template cannot say; null for none
    public record Layout(
            List<String> needs,
            Map<String, Field> fields,
            @Nullable Preparation preparation) {
        public Layout {
            needs = List.copyOf(needs);
            fields = Map.copyOf(fields);
        }
    }

    /// How a record becomes a prompt. Names are those of lm-evaluation-harness.
    ///
    /// @param description before everything; null for none
    /// @param text the question; where it gives a list, one context for each choice
    /// @param choice the answers to choose from; null where there are none. With a list of contexts, the
    ///     one
    ///     continuation of all of them
    /// @param target places of the right choices, or the right answer
    /// @param program the program whose passing is asked, with `completion` for what the model wrote; null
    ///     where no code is run
    /// @param targetDelimiter between a question and its answer
    /// @param fewshotDelimiter after each example
    public record Prompt(
            @Nullable Field description,
            Field text,
            @Nullable Field choice,
            Field target,
            @Nullable Field program,
            String targetDelimiter,
            String fewshotDelimiter) {}

    /// Examples before the question.
    ///
    /// @param standard how many where the user says nothing
    /// @param fixed whether the user may not ask for another number
    /// @param file name in the data folder; null where examples have no file
    /// @param source where to get it; null as the file
    /// @param first whether the first ones are taken for all documents, instead of a sample for each
    /// @param indices records that examples are taken from, from 0; empty for all
    public record Shots(
            int standard,
            boolean fixed,
            @Nullable String file,
            @Nullable String source,
            boolean first,
            List<Integer> indices) {
        public Shots {
            indices = List.copyOf(indices);
        }
    }

    /// A metric with the filter that its answers go through.
    ///
    /// @param metric what is counted
    /// @param as its name in results
    /// @param filter null where the answer is taken as it is
    /// @param match how answers are compared
    public record Counted(
            Metric metric, String as, @Nullable AnswerFilter filter, AnswerMatch match) {}

    /// How a continuation is generated.
    ///
    /// @param until strings that end it and are not part of it
    /// @param maxTokens most tokens
    public record Generation(List<String> until, int maxTokens) {
        public Generation {
            until = List.copyOf(until);
        }
    }

    /// Whether code that the model writes is run.
    public boolean runsCode() {
        return prompt.program() != null;
    }
}
