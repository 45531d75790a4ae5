package dev.lowrank.app;

import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.RecipeArguments;
import dev.lowrank.compress.ShellWords;
import dev.lowrank.compress.TargetStorage;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.GivenRanks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The folder of an exploration: `results.jsonl` (every evaluation), `explore.json`, `configurations.csv`,
/// `front.txt`, `front/NN.json` (ranks of its members) and `report.html`.
///
/// @param folder where
record ExploreFiles(Path folder) {
    /// Makes the folder, or takes up an earlier exploration.
    static ExploreFiles open(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        return new ExploreFiles(folder);
    }

    /// Where evaluations are stored.
    Path results() {
        return folder.resolve("results.jsonl");
    }

    /// Where decompositions wait.
    Path work(String name) {
        return folder.resolve(".work").resolve(name);
    }

    private Path ranks(int member) {
        return folder.resolve("front").resolve(String.format(Locale.ROOT, "%02d.json", member));
    }

    /// The commands that make the members of the front.
    ///
    /// @param model as the user named it; empty for the pocket model
    /// @param calibration options of the calibration text
    List<String> commands(
            Exploration.Searched searched, CompressionRecipe recipe, List<String> model, List<String> calibration) {
        var commands = new ArrayList<String>();
        for (var i = 0; i < searched.members().size(); i++) {
            var configuration = searched.members().get(i).found().configuration();
            var given = new GivenRanks(configuration.ranks(), ranks(i).toString());
            var arguments = new ArrayList<>(List.of("lowrank", "compress"));
            arguments.addAll(model);
            arguments.addAll(RecipeArguments.of(with(recipe, given)));
            arguments.addAll(recipe.method().info().needsCalibration() ? calibration : List.of());
            arguments.addAll(List.of(
                    "-o",
                    folder.resolve("model-" + String.format(Locale.ROOT, "%02d", i))
                            .toString()));
            commands.add(ShellWords.line(arguments));
        }
        return commands;
    }

    /// A recipe with its ranks decided.
    static CompressionRecipe with(CompressionRecipe recipe, GivenRanks given) {
        return recipe.withStorage(TargetStorage.plain(recipe.storage().policy()))
                .withAllocator(given, new Budget.Unbounded(CostUnit.PARAMETERS));
    }

    /// Writes everything but the evaluations, which are there already.
    void write(Exploration found, ExploreDocument document, byte[] page) {
        write(folder.resolve("configurations.csv"), ExploreReport.csv(found));
        var searched = found.searched();
        if (searched != null) {
            for (var i = 0; i < searched.members().size(); i++) {
                write(
                        ranks(i),
                        SiteRanksFile.text(searched.members()
                                .get(i)
                                .found()
                                .configuration()
                                .ranks()));
            }
            write(folder.resolve("front.txt"), ExploreReport.front(found, searched));
        }
        write(folder.resolve("report.html"), page);
        write(folder.resolve("explore.json"), Json.write(document) + "\n");
    }

    private static void write(Path file, String text) {
        write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    private static void write(Path file, byte[] content) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.write(file, content);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
