package dev.lowrank.compress;

import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.model.LanguageModel;
import java.util.Locale;
import java.util.stream.Collectors;

/// The `README.md` of a compressed folder: what it is, how it was made, how to load it. Holds nothing that
/// differs between two runs of the same recipe.
final class ModelCard {
    private static final String REMOTE_CODE = """
            Load it in Python with `trust_remote_code=True`: without it `transformers` builds the dense model with \
            random weights in place of the compressed sites.
            """;

    private static final String FEWER_LAYERS = """
            An ordinary model of fewer layers: every tool that opens its source opens it.
            """;

    private static final String SMALLER_HIDDEN_SIZE = """
            An ordinary model of a smaller hidden size, whose heads keep their width (`head_dim`): a tool that opens its \
            source opens it, if it reads `head_dim` and does not take it from the hidden size.
            """;

    private ModelCard() {}

    static String text(LanguageModel source, JobState job, CompressionReport report) {
        var name = source.checkpoint().path().getFileName();
        var method = job.recipe().method().info();
        var plain = job.recipe().leavesPlainModel();
        var less = job.recipe().method() instanceof BlockRemoval ? FEWER_LAYERS : SMALLER_HIDDEN_SIZE;
        return String.format(
                Locale.ROOT,
                """
                # %s, compressed by Lowrank

                %s
                ```python
                from transformers import %s, AutoTokenizer
                model = %s.from_pretrained("PATH"%s)
                tokenizer = AutoTokenizer.from_pretrained("PATH")
                ```

                | | before | after |
                |---|---|---|
                | parameters | %,d | %,d |
                | bytes of weights | %,d | %,d |

                Kept: %.4f of the parameters of the target linears, %.4f of the whole model.

                | | |
                |---|---|
                | method | %s (%s, %s) |
                | storage | %s |
                | calibration | %s |

                ```
                %s
                ```
                %s
                `lowrank.json` holds the hash of every input and output, the rank and the error of every site, and every \
                fallback. What the compression cost in quality is for you to measure: `lowrank evaluate`.

                %s""",
                name,
                plain ? less : REMOTE_CODE,
                source.spec().transformersClass(),
                source.spec().transformersClass(),
                plain ? "" : ", trust_remote_code=True",
                report.parametersBefore(),
                report.parametersAfter(),
                report.bytesBefore(),
                report.bytesAfter(),
                report.keptTarget(),
                report.keptModel(),
                job.recipe().name(),
                method.title(),
                method.paper(),
                job.recipe().storageId(),
                calibration(job),
                ShellWords.line(RepeatCommand.of(source, job.recipe(), job.fingerprint)),
                beyond(job.recipe()),
                report.warnings().isEmpty()
                        ? ""
                        : report.warnings().stream()
                                .map(warning -> "- " + warning + "\n")
                                .collect(Collectors.joining("", "Warnings:\n\n", "")));
    }

    private static String calibration(JobState job) {
        var identity = job.fingerprint.path("calibration");
        if (identity.isMissingNode()) {
            return "none needed";
        }
        return identity.path("tokens").asString() + " tokens of " + files(job) + "; "
                + identity.path("rule").asString() + ", seed "
                + identity.path("seed").asString();
    }

    private static String files(JobState job) {
        return job.fingerprint
                .path("calibration")
                .path("files")
                .valueStream()
                .map(file -> file.path("name").asString())
                .collect(Collectors.joining(", "));
    }

    /// What the command leaves to the reader.
    private static String beyond(CompressionRecipe recipe) {
        var unsaid = RecipeArguments.unsaid(recipe);
        return "\nTexts and model stand there without their folders; their hashes are in `lowrank.json`.\n"
                + (unsaid.isEmpty()
                        ? ""
                        : "Made by a program with " + unsaid
                                + ", which no option asks for: the command comes close.\n");
    }
}
