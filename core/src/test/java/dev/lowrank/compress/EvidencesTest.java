package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.compress.Evidences.Gathered;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NoNativeLeaks
class EvidencesTest {
    @TempDir
    private Path folder;

    /// Swift weighs `ln(e + loss)`, so the unit of a loss matters.
    @Test
    void singularValuesOfActivationsAreThoseOfAToken() {
        var files = new DecompositionFiles(folder);
        try (var source = LanguageModel.open(Path.of("src/test/resources/golden/models/llama-gqa-tied"))) {
            var site = source.spec().sites().findFirst().orElseThrow();
            for (var id : List.of("svd", "svd-llm")) {
                var method = (SiteMethod) Methods.of(id, MethodOptions.DEFAULT);
                TensorScope.tidyRun(() -> {
                    var weight = Tensors.zeros(DType.F64, site.out(), site.in());
                    var basis =
                            Tensors.eye(DType.F64, site.out()).narrow(1, 0, 2).contiguous();
                    var singular = Tensors.ofDoubles(new double[] {6, 3}, 2);
                    files.write(site, method, Decomposition.of(basis, basis, weight, singular, null, List.of()));
                });
                var found = new Gathered(files, null, 9, null, null, null).of(method, site, DType.F32);
                assertThat(found.singular())
                        .containsExactly(id.equals("svd") ? new double[] {6, 3} : new double[] {2, 1});
            }
        }
    }

    @Test
    void influenceAsksForNoGradients() {
        var influence = Allocators.of("influence", AllocatorOptions.DEFAULT);
        assertThat(Evidences.labels(influence.info().needs())).isEmpty();
    }
}
