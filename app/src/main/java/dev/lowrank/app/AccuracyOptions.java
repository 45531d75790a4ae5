package dev.lowrank.app;

import dev.lowrank.evaluate.task.PreparedTask;
import dev.lowrank.evaluate.task.Tasks;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// The options that bound a cut by what the model can still do.
final class AccuracyOptions {
    @Option(
            names = "--min-accuracy",
            paramLabel = "TASK=X",
            description = "Keep as little as leaves an accuracy of at least X at a task, e.g. arc_easy=0.42 or"
                    + " arc_easy:acc_norm=0.4, instead of --keep. Models are cut, written and measured until the share"
                    + " is known to a twentieth; needs --task-data.")
    private @Nullable String asked;

    @Mixin
    private TaskRecords records;

    /// The bound; null where none was asked for.
    ///
    /// @throws CommandException with code 2 for a bound that cannot be read
    /// @throws dev.lowrank.evaluate.task.TaskException if the task's data cannot be used
    @Nullable
    AccuracyBound bound() {
        if (asked == null) {
            return null;
        }
        var equals = asked.indexOf('=');
        if (equals < 1) {
            throw wrong(asked + " names no accuracy.");
        }
        var name = asked.substring(0, equals);
        var colon = name.indexOf(':');
        var task = colon < 0 ? name : name.substring(0, colon);
        UsageErrors.known(task, "tasks", Tasks.names());
        var prepared = PreparedTask.of(
                Tasks.named(task).orElseThrow(), records.folder(), records.limit(), OptionalInt.empty());
        var metrics = prepared.definition().metrics().stream()
                .filter(counted -> counted.metric().isAccuracy())
                .map(counted -> counted.as())
                .toList();
        var metric = colon < 0 ? metrics.isEmpty() ? "acc" : metrics.getFirst() : name.substring(colon + 1);
        if (!metrics.contains(metric)) {
            throw wrong("The task " + task + " has no accuracy " + metric + "; it has "
                    + (metrics.isEmpty() ? "none" : String.join(", ", metrics)) + ".");
        }
        return new AccuracyBound(new TaskPlan(List.of(prepared), 1, null), metric, accuracy(asked, equals));
    }

    private static double accuracy(String text, int equals) {
        try {
            var value = Double.parseDouble(text.substring(equals + 1));
            if (value > 0 && value <= 1) {
                return value;
            }
        } catch (NumberFormatException _) {
            // Said below, as for a number out of range.
        }
        throw wrong(text + " asks for no accuracy above 0 and at most 1.");
    }

    private static CommandException wrong(String fact) {
        return new CommandException(ExitCode.USAGE, fact, "Write --min-accuracy TASK=X, e.g. arc_easy=0.42.");
    }
}
