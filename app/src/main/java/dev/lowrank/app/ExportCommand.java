package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.output.MergedExport;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Writes a compressed model in a form that tools without low-rank layers read.
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = "Write a compressed model in a form for other tools.")
final class ExportCommand implements Callable<Integer> {
    /// @param output folder written
    /// @param form what it is
    record Document(
            @JsonProperty("output") String output,
            @JsonProperty("form") String form) {}

    private final Console console;
    private final ModelArgument models;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A folder that lowrank compress wrote.")
    private String model;

    @Option(
            names = "--merged",
            description = "Multiply the factors back into dense matrices: opens everywhere, as large as the original.")
    private boolean merged;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FOLDER",
            description = "Folder to make.")
    private Path output;

    ExportCommand(Console console, ModelArgument models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() {
        if (!merged) {
            throw new ParameterException(spec.commandLine(), "The form of the export is missing; there is --merged.");
        }
        try (var opened = LanguageModel.open(models.resolve(model));
                var progress = console.progress()) {
            MergedExport.write(opened, output, progress);
        }
        console.result(
                new Document(output.toString(), "merged"),
                () -> output + ": dense folder with the compressed model's quality and the original's size.\n");
        return ExitCode.OK.number();
    }
}
