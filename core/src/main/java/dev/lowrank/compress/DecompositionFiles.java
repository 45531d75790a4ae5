package dev.lowrank.compress;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/// Decompositions that wait for their ranks: one file for each site and method. Only the basis and, where
/// it differs, its dual are stored, in F64; `A = dualᵀ W` is computed again from the weight. Components are
/// rows in the file, so that the leading ones are read without the others.
final class DecompositionFiles {
    private static final String NOTES = "notes";
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path folder;

    /// @param folder of the working files
    DecompositionFiles(Path folder) {
        this.folder = folder;
    }

    /// Where a decomposition lies.
    Path file(LinearSite site, SiteMethod method) {
        return WorkFiles.ofSite(folder, "basis", site, method);
    }

    /// Stores a decomposition.
    void write(LinearSite site, SiteMethod method, Decomposition decomposition) {
        try (var arena = Arena.ofConfined()) {
            var tensors = new LinkedHashMap<String, HostTensor>();
            tensors.put("b", rows(decomposition.b(), arena));
            if (decomposition.dual() != decomposition.b()) {
                tensors.put("dual", rows(decomposition.dual(), arena));
            }
            tensors.put("singular", decomposition.singular().toHost(DType.F64, arena));
            if (decomposition.mean() != null) {
                tensors.put("mean", decomposition.mean().toHost(DType.F64, arena));
            }
            var notes = Map.of(NOTES, JSON.writeValueAsString(decomposition.notes()));
            WorkFiles.writeTensors(file(site, method), tensors, notes);
        }
    }

    /// Components as rows, F64 `[k, out]`.
    private static HostTensor rows(Tensor columns, Arena arena) {
        return TensorScope.tidy(() -> columns.t().contiguous()).toHost(DType.F64, arena);
    }

    /// Components as columns `[out, k]`, laid out as a decomposition has them.
    private static Tensor columns(HostTensor rows, DType dtype) {
        return TensorScope.tidy(() -> Tensors.from(rows, dtype).t().contiguous());
    }

    private static HostTensor leading(HostTensor rows, long count) {
        var shape = Shape.of(count, rows.shape().size(1));
        return new HostTensor(
                rows.dtype(), shape, rows.data().asSlice(0, rows.dtype().bytes(shape.elements())));
    }

    /// Reads the leading components alone, in F32 and in the innermost scope: enough to measure with.
    ///
    /// @param weight the site's, F32 `[out, in]`
    /// @return with as many components as asked for, and without notes
    Decomposition leading(LinearSite site, SiteMethod method, Tensor weight, int rank) {
        try (var file = SafetensorsFile.open(file(site, method))) {
            return TensorScope.tidy(() -> {
                var rows = Tensors.from(leading(file.tensor("b"), rank), DType.F32); // [rank, out]
                var dual = file.names().contains("dual")
                        ? Tensors.from(leading(file.tensor("dual"), rank), DType.F32)
                        : rows;
                var singular = Tensors.from(file.tensor("singular"), DType.F32).narrow(0, 0, rank);
                var mean = file.names().contains("mean") ? Tensors.from(file.tensor("mean"), DType.F32) : null;
                return new Decomposition(rows.t(), dual.matmul(weight), dual.t(), singular, mean, List.of());
            });
        }
    }

    /// Reads a decomposition whole, in the innermost scope.
    ///
    /// @param weight the site's, F64 `[out, in]`
    Decomposition read(LinearSite site, SiteMethod method, Tensor weight) {
        try (var file = SafetensorsFile.open(file(site, method))) {
            var b = columns(file.tensor("b"), DType.F64);
            var dual = file.names().contains("dual") ? columns(file.tensor("dual"), DType.F64) : b;
            var mean = file.names().contains("mean") ? Tensors.from(file.tensor("mean")) : null;
            List<String> notes = JSON.readValue(
                    Objects.requireNonNull(file.metadata().get(NOTES)), new TypeReference<List<String>>() {});
            return Decomposition.of(b, dual, weight, Tensors.from(file.tensor("singular")), mean, notes);
        }
    }

    /// The basis of a decomposition and its dual alone, F32 `[out, k]`, in the innermost scope; the same
    /// tensor twice where the columns are orthonormal.
    List<Tensor> basis(LinearSite site, SiteMethod method) {
        try (var file = SafetensorsFile.open(file(site, method))) {
            var b = columns(file.tensor("b"), DType.F32);
            return List.of(b, file.names().contains("dual") ? columns(file.tensor("dual"), DType.F32) : b);
        }
    }

    /// The mean input that a decomposition takes out, F32 `[in]`, in the innermost scope; empty if none.
    List<Tensor> mean(LinearSite site, SiteMethod method) {
        try (var file = SafetensorsFile.open(file(site, method))) {
            return file.names().contains("mean") ? List.of(Tensors.from(file.tensor("mean"), DType.F32)) : List.of();
        }
    }

    /// Singular values of a decomposition, descending.
    double[] singular(LinearSite site, SiteMethod method) {
        try (var file = SafetensorsFile.open(file(site, method))) {
            var values = file.tensor("singular");
            var result = new double[Math.toIntExact(values.shape().elements())];
            for (var i = 0; i < result.length; i++) {
                result[i] = values.get(i);
            }
            return result;
        }
    }
}
