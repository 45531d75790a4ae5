package dev.lowrank.evaluate.task;

import dev.lowrank.model.Progress;
import java.util.List;

/// Runs programs that a model wrote, where they can do no harm.
public interface ProgramRunner {
    /// How a program ended.
    ///
    /// @param passed whether it ran to its end
    /// @param outcome in words
    record Verdict(boolean passed, String outcome) {}

    /// Runs programs, each apart from the others.
    ///
    /// @return one verdict for each, in order
    List<Verdict> run(List<String> programs, Progress progress);
}
