package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Role;
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
                from transformers import AutoModelForCausalLM, AutoTokenizer
                model = AutoModelForCausalLM.from_pretrained("PATH"%s)
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
                lowrank compress %s %s
                ```

                `lowrank.json` holds the hash of every input and output, the rank and the error of every site, and every \
                fallback. What the compression cost in quality is for you to measure: `lowrank evaluate`.

                %s""",
                name,
                plain ? less : REMOTE_CODE,
                plain ? "" : ", trust_remote_code=True",
                report.parametersBefore(),
                report.parametersAfter(),
                report.bytesBefore(),
                report.bytesAfter(),
                report.keptTarget(),
                report.keptModel(),
                method.id(),
                method.title(),
                method.paper(),
                job.recipe().storageId(),
                calibration(job),
                name,
                options(job),
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

    private static String options(JobState job) {
        var recipe = job.recipe();
        var options = new StringBuilder("--method " + recipe.method().info().id());
        if (recipe.method() instanceof SiteMethod) {
            options.append(" --storage ").append(recipe.storage().id());
        }
        var allocator = recipe.allocator();
        switch (recipe.budget()) {
            case Budget.Share share ->
                options.append(
                                recipe.leavesPlainModel()
                                        ? ""
                                        : " --allocate " + allocator.info().id())
                        .append(
                                share.unit() == CostUnit.PARAMETERS
                                        ? ""
                                        : " --count " + share.unit().id())
                        .append(" --keep ")
                        .append(share.keep().kept());
            case Budget.Absolute _, Budget.Unbounded _ ->
                options.append(" (").append(allocator).append(')');
        }
        if (recipe.rankMultiple() > 1) {
            options.append(" --rank-multiple ").append(recipe.rankMultiple());
        }
        if (!recipe.targets().isEmpty()) {
            options.append(" --targets ")
                    .append(recipe.targets().stream().map(Role::id).sorted().collect(Collectors.joining(",")));
        }
        if (!recipe.protectedLayers().isEmpty()) {
            options.append(" --protect ")
                    .append(recipe.protectedLayers().stream()
                            .sorted()
                            .map(String::valueOf)
                            .collect(Collectors.joining(",")));
        }
        if (recipe.dtype() != null) {
            options.append(" --dtype ").append(recipe.dtype().name().toLowerCase(Locale.ROOT));
        }
        var identity = job.fingerprint.path("calibration");
        identity.path("files")
                .valueStream()
                .forEach(file -> options.append(" --calibration ")
                        .append(file.path("name").asString()));
        if (!identity.isMissingNode()) {
            options.append(" --samples ").append(identity.path("samples").asString());
            options.append(" --window ").append(identity.path("window").asString());
        }
        return options.append(" --seed ")
                .append(recipe.seed())
                .append(" -o OUT")
                .toString();
    }
}
