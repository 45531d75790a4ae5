package dev.lowrank.compress;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.compress.RoundingProbe.Probed;
import dev.lowrank.compress.allocate.RoundingLoss;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.json.JsonMapper;

/// What rounding loses at sites that wait for their types: one file for each site and method.
///
/// @param folder of the working files
record RoundingFiles(Path folder) {
    private static final String ERROR = "error";
    private static final String LOSSES = "losses";
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /// Where what was found lies.
    Path file(LinearSite site, SiteMethod method) {
        return WorkFiles.ofSite(folder, "rounded", site, method);
    }

    /// Stores what was found.
    void write(LinearSite site, SiteMethod method, Probed probed) {
        try (var arena = Arena.ofConfined()) {
            var error = TensorScope.tidy(() -> probed.error().to(DType.F32)).toHost(DType.F32, arena);
            var losses = JSON.writeValueAsString(probed.losses());
            WorkFiles.writeTensors(file(site, method), Map.of(ERROR, error), Map.of(LOSSES, losses));
        }
    }

    /// The error whose divergence is the unit of [#losses], F32 `[out, in]`, in the innermost scope.
    Tensor error(LinearSite site, SiteMethod method) {
        try (var file = SafetensorsFile.open(file(site, method))) {
            return Tensors.from(file.tensor(ERROR), DType.F32);
        }
    }

    /// What types lose, in units of what the error loses.
    RoundingLoss losses(LinearSite site, SiteMethod method) {
        try (var file = SafetensorsFile.open(file(site, method))) {
            return JSON.readValue(Objects.requireNonNull(file.metadata().get(LOSSES)), RoundingLoss.class);
        }
    }
}
