package dev.lowrank.recover;

import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.compress.OutputPage;
import dev.lowrank.compress.WorkFiles;
import dev.lowrank.recover.Recovery.Material;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// What a finished folder says of its training: the card and the manifest of the model it was trained from,
/// and what was done to it.
///
/// @param material what was trained, and on what
/// @param recipe what was asked
/// @param report what came of it
record RecoveryRecord(Material material, RecoveryRecipe recipe, RecoveryReport report) {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /// Writes card and page and commits the folder with its manifest.
    ///
    /// @param page makes the page; null for none
    void write(OutputFolder folder, ObjectNode fingerprint, @Nullable RecoveryPage page) {
        var source = material.model().checkpoint().path();
        folder.write("README.md", card(source).getBytes(StandardCharsets.UTF_8));
        var run = Manifest.read(source).run();
        run.withArray("recovered").add(entry(fingerprint));
        if (page != null) {
            folder.write(OutputPage.FILE_NAME, page.of(report, run.deepCopy()));
        }
        folder.commit(run);
    }

    private ObjectNode entry(ObjectNode fingerprint) {
        var own = JSON.createObjectNode();
        own.set("fingerprint", fingerprint);
        own.put("trained_parameters", report.trainedParameters());
        own.put("steps", report.steps());
        own.put("best_step", report.bestStep());
        own.put("stopped_early", report.stoppedEarly());
        own.put("tokens", report.tokens());
        if (report.before() != null && report.after() != null) {
            own.put("validation_perplexity_before", report.before());
            own.put("validation_perplexity_after", report.after());
        }
        own.set("rounds", JSON.valueToTree(report.rounds()));
        own.set("blocks", JSON.valueToTree(report.blocks()));
        own.set("warnings", JSON.valueToTree(report.warnings()));
        return own;
    }

    private String card(Path source) {
        var teacher = material.teacher();
        return readme(source)
                + String.format(
                        Locale.ROOT,
                        """

                        ## Trained after compression

                        `lowrank recover` trained %,d numbers (%s) %s%s. \
                        Storage forms, ranks and bytes are as before. %s%s`lowrank.json` holds every setting.
                        """,
                        report.trainedParameters(),
                        recipe.trained().id(),
                        steps(),
                        Goal.words(
                                report.goals(),
                                teacher == null
                                        ? null
                                        : String.valueOf(
                                                teacher.checkpoint().path().getFileName())),
                        report.before() == null || report.after() == null
                                ? ""
                                : String.format(
                                        Locale.ROOT,
                                        "Perplexity on the validation text: %.3f before, %.3f after. ",
                                        report.before(),
                                        report.after()),
                        report.warnings().stream()
                                .map(warning -> warning + ". ")
                                .collect(Collectors.joining()));
    }

    private String steps() {
        var blocks = report.blocks().isEmpty() ? "" : "block after block, ";
        return report.steps() == 0
                ? blocks
                : String.format(
                        Locale.ROOT,
                        "%sfor %,d steps of %d windows of %d tokens, ",
                        blocks,
                        report.steps(),
                        recipe.optimisation().batch(),
                        material.training().identity().window());
    }

    private static String readme(Path source) {
        var file = source.resolve("README.md");
        try {
            return Files.isRegularFile(file) ? Files.readString(file) : "# " + source.getFileName() + "\n";
        } catch (IOException failure) {
            throw WorkFiles.failed(file, failure);
        }
    }
}
