package dev.lowrank.app;

import dev.lowrank.evaluate.task.PreparedTask;
import dev.lowrank.evaluate.task.TaskDefinition;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// The options that say which tasks a model is asked, and how its answers are treated.
final class TaskOptions {
    @Mixin
    private TaskChoice choice;

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

    /// Which tasks.
    TaskChoice choice() {
        return choice;
    }

    /// Refuses what means nothing for an encoder.
    ///
    /// @throws CommandException with code 2
    void refuseBesideEncoder() {
        if (samples != null || code || programs != 1 || choice.forDecoders()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--task-file, --shots, --log-samples, --allow-code-execution and --code-samples mean nothing for an"
                            + " encoder.",
                    "Leave them out; an encoder has the tasks " + String.join(", ", EncoderTasks.names()) + ".");
        }
    }

    /// Reads the tasks' records.
    ///
    /// @throws CommandException with code 2 for options that do not go together or are out of range
    /// @throws dev.lowrank.evaluate.task.TaskException if a task or its data cannot be used
    TaskPlan plan() {
        TaskRecords.requireAtLeast("--code-samples", programs, 1);
        var prepared = choice.prepared();
        var runsCode = prepared.stream()
                .map(PreparedTask::definition)
                .filter(TaskDefinition::runsCode)
                .findFirst();
        if (!code && runsCode.isPresent()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "The task " + runsCode.get().name() + " runs programs that the model writes.",
                    "Allow it with --allow-code-execution: they run in a sandbox without network or files.");
        }
        return prepared.isEmpty() ? TaskPlan.NONE : new TaskPlan(prepared, programs, samples);
    }
}
