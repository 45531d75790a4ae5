package dev.lowrank.app;

import dev.lowrank.evaluate.task.PreparedTask;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Tasks to ask a model, with their data read.
///
/// @param tasks none for no tasks
/// @param programs how many are written for each problem of a task that runs code
/// @param samples folder for what was asked and answered; null for none
record TaskPlan(
        List<PreparedTask> tasks, int programs, @Nullable Path samples) {
    static final TaskPlan NONE = new TaskPlan(List.of(), 1, null);

    TaskPlan {
        tasks = List.copyOf(tasks);
    }
}
