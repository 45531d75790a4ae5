package dev.lowrank.compress;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.testing.CompressedForm;
import java.nio.file.Path;

/// A process that compresses a model and may be killed at any time. Arguments: source folder, output
/// folder.
final class CompressOnce {
    /// Said on the standard output when the work begins.
    static final String BEGINS = "begins";

    static final double KEEP = 0.7;

    private CompressOnce() {}

    public static void main(String[] arguments) {
        try (var source = LanguageModel.open(Path.of(arguments[0]))) {
            System.out.println(BEGINS);
            CompressedForm.PIVOTED_BIASED.write(source, KEEP, Path.of(arguments[1]));
        }
    }
}
