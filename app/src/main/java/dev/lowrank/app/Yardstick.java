package dev.lowrank.app;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import java.util.List;

/// What models are measured on.
///
/// @param texts whose perplexity is measured
/// @param representation whether the spread of hidden states is measured on the texts
/// @param tasks that are asked
/// @param speed how speed is measured, over the first text; not at all where there is none
record Yardstick(
        List<EvaluationTexts.Text> texts, boolean representation, TaskPlan tasks, Measurement.SpeedPlan speed) {
    /// Without the spread of hidden states.
    Yardstick(List<EvaluationTexts.Text> texts, TaskPlan tasks, Measurement.SpeedPlan speed) {
        this(texts, false, tasks, speed);
    }

    Yardstick {
        texts = List.copyOf(texts);
    }

    /// Measures a model.
    ///
    /// @param name what progress calls it
    Measurement measure(LanguageModel model, String name, Progress progress) {
        return Measurement.of(model, this, (what, done, total) -> progress.step(name + ", " + what, done, total));
    }
}
