package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.output.GgufExport;
import dev.lowrank.model.output.GgufForm;
import dev.lowrank.model.output.MergedExport;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Writes a model in a form that tools without low-rank layers read.
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = "Write a model in a form for other tools: a dense folder, or a GGUF file.")
final class ExportCommand implements Callable<Integer> {
    /// @param output folder written
    /// @param form what it is
    record Document(
            @JsonProperty("output") String output,
            @JsonProperty("form") String form) {}

    /// @param output file written
    /// @param form `gguf`
    /// @param type of its matrices; `stored` where none was asked for
    /// @param architecture as llama.cpp calls it
    /// @param bytes size of the file
    /// @param tensors how many there are of each type
    /// @param notes what was changed besides types
    record GgufDocument(
            @JsonProperty("output") String output,
            @JsonProperty("form") String form,
            @JsonProperty("type") String type,
            @JsonProperty("architecture") String architecture,
            @JsonProperty("bytes") long bytes,
            @JsonProperty("tensors") Map<String, Integer> tensors,
            @JsonProperty("notes") List<String> notes) {}

    private final Console console;
    private final ModelArgument models;

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            description = "A folder that lowrank compress wrote; with --gguf also any other folder, or a .gguf file.")
    private String model;

    @Option(
            names = "--merged",
            description = "Multiply the factors back into dense matrices: opens everywhere, as large as the original.")
    private boolean merged;

    @Option(
            names = "--gguf",
            paramLabel = "FILE",
            description = "Write one file for llama.cpp: weights, tokenizer, chat template.")
    private @Nullable Path gguf;

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            description = "With --gguf, type of the matrices: ${COMPLETION-CANDIDATES}; else as they are stored.")
    private @Nullable GgufForm type;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FOLDER",
            description = "With --merged, folder to make.")
    private @Nullable Path output;

    ExportCommand(Console console, ModelArgument models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() {
        requireOneForm();
        if (gguf != null) {
            exportGguf(gguf);
        } else if (output != null) {
            exportMerged(output);
        } else {
            throw wrong("--merged needs the folder to make: give -o FOLDER.");
        }
        return ExitCode.OK.number();
    }

    private void requireOneForm() {
        if (merged == (gguf != null)) {
            throw wrong(
                    merged
                            ? "--merged and --gguf are two forms; give one of them."
                            : "The form of the export is missing; there are --merged and --gguf FILE.");
        }
        if (type != null && gguf == null) {
            throw wrong("--type goes with --gguf; a merged folder keeps the type of the model.");
        }
        // One from the environment serves other commands.
        if (gguf != null && spec.commandLine().getParseResult().hasMatchedOption("--output")) {
            throw wrong("--gguf names its file itself; leave -o out.");
        }
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private void exportMerged(Path folder) {
        try (var opened = LanguageModel.open(models.resolve(model));
                var progress = console.progress()) {
            MergedExport.write(opened, folder, progress);
        }
        console.result(
                new Document(folder.toString(), "merged"),
                () -> folder + ": dense folder with the compressed model's quality and the original's size.\n");
    }

    private void exportGguf(Path file) {
        GgufExport.Written written;
        try (var opened = LanguageModel.open(models.resolve(model));
                var progress = console.progress()) {
            written = GgufExport.write(opened.requireDecoder(), file, type, progress);
        }
        var document = new GgufDocument(
                file.toString(),
                "gguf",
                type == null ? "stored" : type.toString(),
                written.architecture(),
                written.bytes(),
                written.tensors(),
                written.notes());
        console.result(document, () -> text(document));
    }

    private static String text(GgufDocument document) {
        var tensors = document.tensors().entrySet().stream()
                .map(entry -> entry.getValue() + " " + entry.getKey())
                .collect(Collectors.joining(", "));
        var lines = new StringBuilder(document.output())
                .append(": GGUF file of architecture ")
                .append(document.architecture())
                .append(", ")
                .append(Figures.bytes(document.bytes()))
                .append("; tensors: ")
                .append(tensors)
                .append(".\n");
        document.notes().forEach(note -> lines.append("  ").append(note).append('\n'));
        return lines.toString();
    }
}
