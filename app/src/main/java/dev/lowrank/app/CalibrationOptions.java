package dev.lowrank.app;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options that say what a method is calibrated on.
final class CalibrationOptions {
    /// Tokens around each window of an encoder.
    private static final int FRAME = 2;

    @Option(
            names = "--calibration",
            paramLabel = "FILE",
            description = "Text or JSONL file that steers the method; give several to mix them evenly.")
    private List<Path> files = new ArrayList<>();

    @Option(names = "--samples", defaultValue = "64", description = "Calibration windows (${DEFAULT-VALUE}).")
    private int samples;

    @Option(
            names = "--window",
            defaultValue = "512",
            description = "Tokens in a window (${DEFAULT-VALUE}); of an encoder with the two around it.")
    private int window;

    @Option(
            names = "--validation",
            paramLabel = "FILE",
            description = "Text or JSONL file that choices between candidates are measured on; never calibration or"
                    + " evaluation text.")
    private @Nullable Path validation;

    @Option(
            names = "--validation-windows",
            defaultValue = "8",
            paramLabel = "N",
            description = "Windows of the validation text (${DEFAULT-VALUE}).")
    private int validationWindows;

    int samples() {
        return samples;
    }

    int window() {
        return window;
    }

    /// The options that ask for the same calibration text.
    List<String> arguments() {
        var arguments = new ArrayList<String>();
        files.forEach(file -> arguments.addAll(List.of("--calibration", file.toString())));
        if (!files.isEmpty()) {
            arguments.addAll(List.of("--samples", Integer.toString(samples), "--window", Integer.toString(window)));
        }
        return arguments;
    }

    /// Whether a calibration text was given.
    boolean present() {
        return !files.isEmpty();
    }

    /// Whether a validation text was given.
    boolean validates() {
        return validation != null;
    }

    /// Reads the texts and draws the windows.
    ///
    /// @return null when no text was given
    /// @throws CommandException with code 2 for a count out of range
    @Nullable
    CalibrationSet read(LanguageModel model, long seed) {
        if (files.isEmpty()) {
            return null;
        }
        var corpora = files.stream().map(Corpus::read).toList();
        try (var tokenizer = model.tokenizer()) {
            return UsageErrors.check(() -> model.spec().encoder().isEmpty()
                    ? CalibrationSet.sample(tokenizer, corpora, samples, window, seed)
                    : CalibrationSet.sample(tokenizer, corpora, samples, window - FRAME, seed)
                            .framed(tokenizer.frame()));
        }
    }

    /// Reads the validation text.
    ///
    /// @return null when none was given
    /// @throws CommandException with code 2 for a count out of range
    @Nullable
    ValidationSet readValidation(LanguageModel model) {
        if (validation == null) {
            return null;
        }
        var corpus = Corpus.read(validation);
        try (var tokenizer = model.tokenizer()) {
            return UsageErrors.check(() -> model.spec().encoder().isEmpty()
                    ? ValidationSet.firstWindows(tokenizer, corpus, window, validationWindows)
                    : ValidationSet.firstWindows(tokenizer, corpus, window - FRAME, validationWindows)
                            .framed(tokenizer.frame()));
        }
    }
}
