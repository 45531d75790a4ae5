package dev.lowrank.recover;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.recover.Recovery.Material;
import dev.lowrank.recover.Recovery.Unfinished;
import dev.lowrank.recover.RecoveryRecipe.Blocks;
import dev.lowrank.recover.RecoveryRecipe.Decay;
import dev.lowrank.recover.RecoveryRecipe.Extent;
import dev.lowrank.recover.RecoveryRecipe.Loss;
import dev.lowrank.recover.RecoveryRecipe.Optimisation;
import dev.lowrank.recover.RecoveryRecipe.Precision;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.recover.RecoveryRecipe.Validation;
import dev.lowrank.text.TextIdentity;
import dev.lowrank.text.TrainingSet;
import dev.lowrank.text.ValidationSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Small texts and recipes for trainings of tiny models.
final class TrainingFixture {
    static final int WINDOW = 16;

    private TrainingFixture() {}

    static RecoveryRecipe recipe(int steps, Stage... stages) {
        return new RecoveryRecipe(
                List.of(stages),
                Trained.FACTORS,
                new Extent.Steps(steps),
                new Optimisation(4, 5e-3, 0.1, Decay.COSINE, 1, 0.01),
                new Loss(0.2, 1, 32),
                new Blocks(6, 4, 5e-3),
                new Validation(3, 0),
                Precision.F32,
                0,
                5);
    }

    static RecoveryRecipe with(RecoveryRecipe recipe, Trained trained) {
        return new RecoveryRecipe(
                recipe.stages(),
                trained,
                recipe.extent(),
                recipe.optimisation(),
                recipe.loss(),
                recipe.blocks(),
                recipe.validation(),
                recipe.precision(),
                recipe.memory(),
                recipe.seed());
    }

    static RecoveryRecipe with(RecoveryRecipe recipe, Optimisation optimisation, Validation validation) {
        return copy(recipe, optimisation, recipe.loss(), recipe.blocks(), validation, recipe.memory());
    }

    static RecoveryRecipe with(RecoveryRecipe recipe, Blocks blocks) {
        return copy(recipe, recipe.optimisation(), recipe.loss(), blocks, recipe.validation(), recipe.memory());
    }

    static RecoveryRecipe with(RecoveryRecipe recipe, Loss loss) {
        return copy(recipe, recipe.optimisation(), loss, recipe.blocks(), recipe.validation(), recipe.memory());
    }

    static RecoveryRecipe withMemory(RecoveryRecipe recipe, long bytes) {
        return copy(recipe, recipe.optimisation(), recipe.loss(), recipe.blocks(), recipe.validation(), bytes);
    }

    private static RecoveryRecipe copy(
            RecoveryRecipe recipe,
            Optimisation optimisation,
            Loss loss,
            Blocks blocks,
            Validation validation,
            long memory) {
        return new RecoveryRecipe(
                recipe.stages(),
                recipe.trained(),
                recipe.extent(),
                optimisation,
                loss,
                blocks,
                validation,
                recipe.precision(),
                memory,
                recipe.seed());
    }

    /// The recipe with the most memory in which the plan is as wanted.
    static RecoveryRecipe planned(
            Path compressed, LanguageModel teacher, RecoveryRecipe recipe, Predicate<MemoryPlan> wanted) {
        try (var model = LanguageModel.open(compressed)) {
            var material = new Material(model, teacher, training(model), validation(model));
            var bounded = recipe;
            var plan = RecoveryPlan.of(material, bounded).memory();
            while (!wanted.test(plan)) {
                bounded = withMemory(recipe, plan.bytes() - 1);
                plan = RecoveryPlan.of(material, bounded).memory();
            }
            return bounded;
        }
    }

    static RecoveryRecipe within(RecoveryRecipe recipe, Duration time) {
        return new RecoveryRecipe(
                recipe.stages(),
                recipe.trained(),
                new Extent.Time(time),
                recipe.optimisation(),
                recipe.loss(),
                recipe.blocks(),
                recipe.validation(),
                recipe.precision(),
                recipe.memory(),
                recipe.seed());
    }

    /// Two texts of 6 and 3 windows.
    static TrainingSet training(LanguageModel model) {
        return TrainingSet.of(
                List.of(windows(model, 6, 1), windows(model, 3, 2)),
                List.of(new TextIdentity.Source("a", "00", 96), new TextIdentity.Source("b", "11", 48)));
    }

    static ValidationSet validation(LanguageModel model) {
        var windows = windows(model, 3, 3);
        return ValidationSet.of(
                windows, new TextIdentity(List.of(), "random", WINDOW, 3, 3, (long) windows.size() * WINDOW));
    }

    static List<int[]> windows(LanguageModel model, int count, long seed) {
        var random = new SplittableRandom(seed);
        var windows = new ArrayList<int[]>();
        for (var i = 0; i < count; i++) {
            windows.add(random.ints(WINDOW, 0, model.spec().vocabSize()).toArray());
        }
        return windows;
    }

    static RecoveryReport run(
            Path compressed,
            @Nullable LanguageModel teacher,
            RecoveryRecipe recipe,
            Path output,
            RecoveryProgress progress) {
        try (var model = LanguageModel.open(compressed)) {
            return Recovery.run(
                    new Material(model, teacher, training(model), validation(model)),
                    recipe,
                    output,
                    Unfinished.RESUME,
                    progress);
        }
    }

    static TreeMap<String, String> hashes(Path folder) throws IOException, NoSuchAlgorithmException {
        var hashes = new TreeMap<String, String>();
        try (var files = Files.walk(folder)) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                var digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
                hashes.put(folder.relativize(file).toString(), HexFormat.of().formatHex(digest));
            }
        }
        return hashes;
    }

    /// A progress that ends the run at its n-th call.
    static RecoveryProgress stopAt(int call) {
        return new RecoveryProgress() {
            private int left = call;

            @Override
            public void step(String what, long done, long total) {
                count();
            }

            @Override
            public void trained(Pace pace) {
                count();
            }

            @Override
            public void round(RecoveryReport.Round round) {
                count();
            }

            private void count() {
                if (--left == 0) {
                    throw new Stopped();
                }
            }
        };
    }

    /// Counts the calls of a whole run.
    static final class Counting implements RecoveryProgress {
        int calls;

        @Override
        public void step(String what, long done, long total) {
            calls++;
        }

        @Override
        public void trained(Pace pace) {
            calls++;
        }

        @Override
        public void round(RecoveryReport.Round round) {
            calls++;
        }
    }

    /// Keeps the paces it hears, and ends the run at the n-th.
    static final class Paces implements RecoveryProgress {
        final List<Pace> heard = new ArrayList<>();
        private final int most;

        Paces(int most) {
            this.most = most;
        }

        @Override
        public void step(String what, long done, long total) {}

        @Override
        public void trained(Pace pace) {
            heard.add(pace);
            if (heard.size() == most) {
                throw new Stopped();
            }
        }

        @Override
        public void round(RecoveryReport.Round round) {}
    }

    /// Stands for a kill.
    static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }
}
