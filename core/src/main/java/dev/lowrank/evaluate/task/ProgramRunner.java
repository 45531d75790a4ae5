package dev.lowrank.evaluate.task;

import dev.lowrank.evaluate.sandbox.Outcome;
import dev.lowrank.model.Progress;
import java.util.List;

/// Runs programs that a model wrote, where they can do no harm: `Sandbox::runAll`.
public interface ProgramRunner {
    /// Runs programs, each apart from the others.
    ///
    /// @return one outcome for each, in order
    List<Outcome> run(List<String> programs, Progress progress);
}
