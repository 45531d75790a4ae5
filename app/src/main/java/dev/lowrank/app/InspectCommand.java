package dev.lowrank.app;

import dev.lowrank.model.LanguageModel;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/// Says what a model is, from its headers alone.
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description = "Show architecture, shapes, storage forms and bytes of a model; reads headers only.")
final class InspectCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    InspectCommand(Console console, ModelArgument models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() {
        try (var opened = LanguageModel.open(models.resolve(model))) {
            var inspection = Inspection.of(opened);
            console.result(inspection, inspection::text);
        }
        return ExitCode.OK.number();
    }
}
