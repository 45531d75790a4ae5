package dev.lowrank.app;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options that say where the records of tasks are, and how many are asked.
final class TaskRecords {
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
    Path folder() {
        if (folder == null) {
            throw new CommandException(
                    ExitCode.USAGE, "Tasks need their records.", "Name the folder of their files with --task-data.");
        }
        return folder;
    }

    /// @throws CommandException with code 2
    static void requireAtLeast(String option, int value, int least) {
        if (value < least) {
            throw new CommandException(
                    ExitCode.USAGE, option + " must be at least " + least + ", not " + value + ".", "");
        }
    }
}
