package dev.lowrank.recover;

import dev.lowrank.recover.RecoveryRecipe.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Something that a training moves the model towards.
public enum Goal {
    /// Outputs of the teacher's blocks.
    BLOCK_OUTPUTS("the block outputs of %s"),
    /// The training text itself.
    TEXT("the text"),
    /// What the teacher predicts on the training text.
    PREDICTIONS("the predictions of %s");

    private final String words;

    Goal(String words) {
        this.words = words;
    }

    /// What a recipe moves a model towards.
    ///
    /// @param teacher whether there is one
    static List<Goal> of(RecoveryRecipe recipe, boolean teacher) {
        var goals = new ArrayList<Goal>();
        if (recipe.stages().contains(Stage.BLOCKS)) {
            goals.add(BLOCK_OUTPUTS);
        }
        if (recipe.stages().contains(Stage.END_TO_END)) {
            if (!teacher || recipe.loss().text() > 0) {
                goals.add(TEXT);
            }
            if (teacher && recipe.loss().text() < 1) {
                goals.add(PREDICTIONS);
            }
        }
        return goals;
    }

    /// Goals in a sentence, e.g. `towards the text and the predictions of X`.
    ///
    /// @param teacher its name; null without one
    public static String words(List<Goal> goals, @Nullable String teacher) {
        return ofTeacher(goals)
                ? goals.stream()
                        .map(goal -> String.format(Locale.ROOT, goal.words, teacher))
                        .collect(Collectors.joining(" and ", "towards ", ""))
                : "on the text alone";
    }

    /// Whether anything is learnt from the teacher.
    public static boolean ofTeacher(List<Goal> goals) {
        return !goals.equals(List.of(TEXT));
    }
}
