package dev.lowrank.compress;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.FolderVerification;
import dev.lowrank.checkpoint.FolderVerification.Status;
import dev.lowrank.checkpoint.Manifest;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// An output that an earlier run of the same jobs finished before it was stopped at a later one.
final class FinishedOutput {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final CompressionReport.Seconds NONE = new CompressionReport.Seconds(0, 0, 0, 0, 0);

    private FinishedOutput() {}

    /// What was reported of it.
    ///
    /// @param plan what the job makes
    /// @param fingerprint of the job
    /// @return null if the output is not there, or was made otherwise
    /// @throws CheckpointException if its files are not as they were written
    static @Nullable CompressionReport report(Compression.Job job, CompressionPlan plan, ObjectNode fingerprint) {
        if (!Files.isRegularFile(job.output().resolve(Manifest.FILE_NAME))) {
            return null;
        }
        var run = Manifest.read(job.output()).run();
        if (!run.path("fingerprint").equals(fingerprint)) {
            return null;
        }
        if (FolderVerification.verify(job.output()).status() != Status.INTACT) {
            throw new CheckpointException(
                    Code.OUT_EXISTS,
                    job.output(),
                    "An earlier run finished this output, but its files were changed since; remove it and give the"
                            + " command again");
        }
        return new CompressionReport(
                job.output(),
                job.recipe().method().info().id(),
                job.recipe().storageId(),
                run.path("allocator").asString(),
                run.path("kept_target").asDouble(),
                run.path("kept_model").asDouble(),
                run.path("parameters_before").asLong(),
                run.path("parameters_after").asLong(),
                run.path("bytes_before").asLong(),
                run.path("bytes_after").asLong(),
                NONE,
                list(run.path("allocation"), String[].class),
                run.has("validated") ? JSON.treeToValue(run.path("validated"), Validated.class) : null,
                plan.shares(),
                list(run.path("sites"), SiteReport[].class),
                list(run.path("warnings"), String[].class));
    }

    private static <T> List<T> list(JsonNode node, Class<T[]> type) {
        return Arrays.asList(JSON.treeToValue(node, type));
    }
}
