package dev.lowrank.evaluate.task;

import dev.lowrank.checkpoint.Sha256;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/// A task with its data read and its prompts made: all that can go wrong before a model is loaded.
///
/// @param definition what it is
/// @param shots examples before each question
/// @param documents what a model will be asked
public record PreparedTask(TaskDefinition definition, int shots, List<TaskDocument> documents) {
    public PreparedTask {
        documents = List.copyOf(documents);
    }

    /// Reads a task's data.
    ///
    /// @param folder where its files are
    /// @param limit the first documents only; 0 for all
    /// @param shots examples before each question; absent for the task's own number
    /// @throws TaskException if a file or its columns are missing, or there are too few examples
    /// @throws dev.lowrank.text.TextException if a file is broken, naming the line
    public static PreparedTask of(TaskDefinition task, Path folder, int limit, OptionalInt shots) {
        if (limit < 0) {
            throw new TaskException("The limit of documents must be 0 (all) or more, not " + limit);
        }
        var standard = task.shots().standard();
        var count = shots.orElse(standard);
        if (count < 0) {
            throw new TaskException("The number of examples must be 0 or more, not " + count);
        }
        if (task.shots().fixed() && count != standard) {
            throw new TaskException(
                    "The task " + task.name() + " is asked with " + standard + " examples, not with " + count);
        }
        var data = TaskData.read(task, folder, count);
        var most = limit == 0 ? Integer.MAX_VALUE : limit;
        return new PreparedTask(task, count, TaskPrompts.of(task, count, data, most));
    }

    /// What is asked, as a hash: the same for the same prompts, choices and right answers in the same
    /// order.
    ///
    /// @return 64 hexadecimal digits
    public String identity() {
        var asked = new StringBuilder();
        for (var document : documents) {
            asked.append(List.of(document.contexts(), document.choices(), document.gold(), document.target()))
                    .append('\n');
        }
        return Sha256.of(asked.toString());
    }
}
