package dev.lowrank.app;

import dev.lowrank.model.LanguageModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// Shows the main job on the pocket model in under a minute.
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Compress the pocket model by several methods at one budget, compare them and keep the best.")
final class DemoCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;
    private final Path home;

    @Option(
            names = "--keep",
            defaultValue = "0.5",
            paramLabel = "SHARE",
            description = "Share of the linears' parameters that stays (${DEFAULT-VALUE}).")
    private double keep;

    @Option(names = "--samples", defaultValue = "32", description = "Calibration windows (${DEFAULT-VALUE}).")
    private int samples;

    @Option(
            names = "--max-windows",
            defaultValue = "12",
            description = "Evaluation windows of each text (${DEFAULT-VALUE}).")
    private int maxWindows;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FOLDER",
            description = "Folder for the best model; by default one inside .lowrank, replaced by each demo.")
    private @Nullable Path output;

    DemoCommand(Console console, ModelArgument models, Path home) {
        this.console = console;
        this.models = models;
        this.home = home;
    }

    @Override
    public Integer call() throws IOException {
        var path = models.resolve(null);
        var folder = output == null ? home.resolve(".lowrank").resolve("demo") : output;
        if (output != null && Files.exists(folder)) {
            throw new CommandException(
                    ExitCode.USAGE, folder + " exists already.", "Remove it or choose another folder.");
        }
        console.note("The pocket model (" + path + "), compressed by 4 methods in 2 storage forms, "
                + Figures.decimal(100 * keep, 0) + " % of its linears kept:");
        try (var model = LanguageModel.open(path);
                var progress = console.progress()) {
            var demo = new Demo(model, new Demo.Settings(keep, samples, maxWindows), folder, progress);
            var document = demo.run();
            console.result(document, document::text);
        }
        return ExitCode.OK.number();
    }
}
