package dev.lowrank.app;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.NumericalException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Perplexity before and after on a text that nothing was chosen by: measured before the folder is
/// finished, since its page says it. A model that is too broken to be measured is written all the same.
final class PerplexityCheck {
    private final LanguageModel before;
    private final EvaluationTexts.@Nullable Text text;
    private CompressPage.@Nullable Checked found;
    private @Nullable NumericalException broken;

    /// @param text null for no measurement
    PerplexityCheck(LanguageModel before, EvaluationTexts.@Nullable Text text) {
        this.before = before;
        this.text = text;
    }

    /// Measures both models.
    ///
    /// @return null without a text, or if it could not be measured
    CompressPage.@Nullable Checked measure(LanguageModel after, Progress progress) {
        if (text == null) {
            return null;
        }
        try {
            found = new CompressPage.Checked(perplexity(before, text, progress), perplexity(after, text, progress));
        } catch (NumericalException failure) {
            broken = failure;
        }
        return found;
    }

    /// What was measured.
    ///
    /// @param bound largest relative increase; null for none
    /// @return null without a text
    /// @throws NumericalException if it could not be measured
    CompressCommand.@Nullable Check result(@Nullable Double bound) {
        if (broken != null) {
            throw broken;
        }
        return found == null || text == null
                ? null
                : CompressCommand.Check.of(
                        text.name(), found.before().value(), found.after().value(), bound);
    }

    /// The perplexity of a model on a text.
    static Measurement.TextFigure perplexity(LanguageModel model, EvaluationTexts.Text text, Progress progress) {
        return Measurement.of(model, new Yardstick(List.of(text), TaskPlan.NONE, Measurement.SpeedPlan.NONE), progress)
                .perplexity()
                .getFirst();
    }
}
