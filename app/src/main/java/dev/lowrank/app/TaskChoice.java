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
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// The options that choose tasks and their documents.
final class TaskChoice {
    @Mixin
    private TaskRecords records;

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
            names = "--shots",
            paramLabel = "N",
            description = "Examples before each question; each task's own number if not given.")
    private @Nullable Integer shots;

    /// Whether something is said that only tasks of decoders have.
    boolean forDecoders() {
        return !files.isEmpty() || shots != null;
    }

    /// Whether any task was named.
    boolean any() {
        return !names.isEmpty() || !files.isEmpty();
    }

    /// The names as the user gave them, each once; for models that the other tasks do not fit.
    List<String> names() {
        return names.stream().distinct().toList();
    }

    /// Where records are, and how many are asked.
    TaskRecords records() {
        return records;
    }

    /// Reads the tasks' records.
    ///
    /// @return none where no task was named
    /// @throws CommandException with code 2 for a number out of range, or a task that does not exist
    /// @throws dev.lowrank.evaluate.task.TaskException if a task or its data cannot be used
    List<PreparedTask> prepared() {
        if (!any()) {
            return List.of();
        }
        var data = records.folder();
        var most = records.limit();
        TaskRecords.requireAtLeast("--shots", shots == null ? 0 : shots, 0);
        var asked = shots == null ? OptionalInt.empty() : OptionalInt.of(shots);
        return definitions().stream()
                .map(task -> PreparedTask.of(task, data, most, asked))
                .toList();
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
}
