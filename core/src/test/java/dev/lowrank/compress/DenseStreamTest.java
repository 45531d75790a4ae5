package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.method.Problem;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NoNativeLeaks
class DenseStreamTest {
    private static final Path MODEL = Path.of("src/test/resources/golden/models/llama-gqa-tied");

    @TempDir
    private Path work;

    @Test
    void onlyWhatComesAfterTheFirstCutIsRun() throws Exception {
        try (var source = LanguageModel.open(MODEL)) {
            var last = source.spec().blocks().size();
            Grad.off(() -> {
                try (var dense = new DenseStream(source, validation(), work)) {
                    var whole = dense.loss();
                    for (var first = 0; first < last; first++) {
                        var asked = new ArrayList<Integer>();
                        var loss = dense.loss(first, (block, run) -> {
                            asked.add(block.index());
                            run.accept(block.load());
                        });
                        assertThat(loss).isEqualTo(whole);
                        assertThat(asked).hasSize(last - first).startsWith(first);
                    }
                }
                return true;
            });
        }
        try (var files = Files.list(work)) {
            assertThat(files).as("working files that stay").isEmpty();
        }
    }

    @Test
    void leadingComponentsAreReadWithoutTheOthers() {
        try (var source = LanguageModel.open(MODEL)) {
            var site = source.spec().sites().toList().getLast();
            var files = new DecompositionFiles(work);
            TensorScope.tidyRun(() -> {
                var block = SourceBlock.of(source, source.spec().blocks().getLast());
                var weight = SiteCutter.of(site, block.dense(site)).weight();
                var method = (SiteMethod) Methods.of("svd", MethodOptions.DEFAULT);
                var made = method.decompose(new Problem(site, weight, SiteStatistics.none()));
                files.write(site, method, made);
                var read = files.read(site, method, weight);
                assertThat(read.b().toDoubles()).isEqualTo(made.b().toDoubles());
                var leading = files.leading(site, method, weight.to(DType.F32), 3);
                assertThat(leading.components()).isEqualTo(3);
                var expected = made.leading(3);
                var product = expected.b().matmul(expected.a()).toDoubles();
                var found = leading.b().matmul(leading.a()).to(DType.F64).toDoubles();
                for (var i = 0; i < product.length; i++) {
                    assertThat(found[i]).isCloseTo(product[i], within(1e-5));
                }
            });
        }
    }

    static ValidationSet validation() {
        var set = CompressionTest.calibration();
        return ValidationSet.of(List.copyOf(set.windows().subList(0, 3)), set.identity());
    }
}
