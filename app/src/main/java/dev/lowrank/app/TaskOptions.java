package dev.lowrank.app;

import dev.lowrank.evaluate.task.PreparedTask;
import dev.lowrank.evaluate.task.TaskDefinition;
import dev.lowrank.evaluate.task.Tasks;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options that say which tasks a model is asked.
final class TaskOptions {
    @Option(
            names = "--tasks",
            split = ",",
            paramLabel = "TASK",
            description = "Tasks to ask, by the rules of lm-evaluation-harness: arc_easy, arc_challenge, hellaswag,"
                    + " mmlu, truthfulqa_mc1, truthfulqa_mc2, winogrande, piqa, openbookqa, boolq, lambada_openai,"
                    + " gsm8k, svamp, humaneval, mbpp and more; an unknown name lists all. Of an encoder stsb, sst2,"
                    + " mrpc, rte.")
    private List<String> names = new ArrayList<>();

    @Option(names = "--task-file", paramLabel = "FILE", description = "A task of your own, YAML; several times.")
    private List<Path> files = new ArrayList<>();

    @Option(
            names = "--task-data",
            paramLabel = "FOLDER",
            description = "Folder of the tasks' records, JSONL or Parquet, e.g. arc_easy.jsonl.")
    private @Nullable Path folder;

    @Option(
            names = "--limit",
            defaultValue = "0",
            paramLabel = "N",
            description = "Only the first N documents of each task; 0 for all (${DEFAULT-VALUE}).")
    private int limit;

    @Option(
            names = "--shots",
            paramLabel = "N",
            description = "Examples before each question; each task's own number if not given.")
    private @Nullable Integer shots;

    @Option(
            names = "--log-samples",
            paramLabel = "FOLDER",
            description = "Write samples_TASK.jsonl there, a line for each document: prompt, choices, log-likelihoods,"
                    + " answer.")
    private @Nullable Path samples;

    @Option(
            names = "--allow-code-execution",
            description = "Run the programs that humaneval and mbpp let the model write, in a sandbox.")
    private boolean code;

    @Option(
            names = "--code-samples",
            defaultValue = "1",
            paramLabel = "N",
            description =
                    "Programs for each problem; above 1 they are drawn at temperature 0.8, top-p 0.95, and pass@1,"
                            + " pass@10 and pass@100 are estimated as far as N allows (${DEFAULT-VALUE}).")
    private int programs;

    /// Whether any task was named.
    boolean any() {
        return !names.isEmpty() || !files.isEmpty();
    }

    /// The names as the user gave them, each once; for models that the other tasks do not fit.
    List<String> names() {
        return names.stream().distinct().toList();
    }

    /// Documents of each task at most; 0 for all.
    ///
    /// @throws CommandException with code 2 for a number below 0
    int limit() {
        requireAtLeast("--limit", limit, 0);
        return limit;
    }

    /// Where the records are.
    ///
    /// @throws CommandException with code 2 if nobody said so
    Path data() {
        if (folder == null) {
            throw new CommandException(
                    ExitCode.USAGE, "Tasks need their records.", "Name the folder of their files with --task-data.");
        }
        return folder;
    }

    /// Reads the tasks' records.
    ///
    /// @throws CommandException with code 2 for options that do not go together or are out of range, or a
    ///     task
    ///     that does not exist
    /// @throws dev.lowrank.evaluate.task.TaskException if a task or its data cannot be used
    TaskPlan plan() {
        if (!any()) {
            return TaskPlan.NONE;
        }
        var data = data();
        var most = limit();
        requireAtLeast("--code-samples", programs, 1);
        requireAtLeast("--shots", shots == null ? 0 : shots, 0);
        var asked = shots == null ? OptionalInt.empty() : OptionalInt.of(shots);
        var prepared = definitions().stream()
                .map(task -> PreparedTask.of(task, data, most, asked))
                .toList();
        var runsCode = prepared.stream()
                .map(PreparedTask::definition)
                .filter(TaskDefinition::runsCode)
                .toList();
        if (!code && !runsCode.isEmpty()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "The task " + runsCode.getFirst().name() + " runs programs that the model writes.",
                    "Allow it with --allow-code-execution: they run in a sandbox without network or files.");
        }
        return new TaskPlan(prepared, programs, samples);
    }

    private List<TaskDefinition> definitions() {
        var definitions = new ArrayList<TaskDefinition>();
        for (var name : new LinkedHashSet<>(names)) {
            UsageErrors.known(name, "tasks", Tasks.names());
            definitions.add(Tasks.named(name).orElseThrow());
        }
        files.forEach(file -> definitions.add(Tasks.read(file)));
        return definitions;
    }

    private static void requireAtLeast(String option, int value, int least) {
        if (value < least) {
            throw new CommandException(
                    ExitCode.USAGE, option + " must be at least " + least + ", not " + value + ".", "");
        }
    }
}
