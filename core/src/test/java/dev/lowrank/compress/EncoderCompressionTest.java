package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.allocate.PerplexityIncrease;
import dev.lowrank.compress.allocate.WithinBound;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TextPooling;
import dev.lowrank.model.TorchEncoder;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenEncoder;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import dev.lowrank.text.TextIdentity;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Encoders are cut by what cuts decoders.
@NoNativeLeaks
class EncoderCompressionTest {
    private static final double KEEP = 0.6;

    @TempDir
    Path folder;

    static Stream<Arguments> everyForm() {
        return GoldenEncoder.all()
                .flatMap(golden -> Arrays.stream(CompressedForm.values()).map(form -> Arguments.of(golden, form)));
    }

    private static Tensor hidden(Path model, GoldenEncoder golden) {
        try (var opened = LanguageModel.open(model);
                var encoder = TorchEncoder.load(opened)) {
            return encoder.hidden(golden.texts(), golden.segments());
        }
    }

    @ParameterizedTest
    @MethodSource("everyForm")
    void everyFormIsWrittenReopenedAndMerged(GoldenEncoder golden, CompressedForm form) {
        var output = folder.resolve("out");
        try (var source = LanguageModel.open(golden.folder())) {
            form.write(source, KEEP, output);
        }
        TensorScope.tidyRun(() -> {
            var found = hidden(output, golden);
            if (form == CompressedForm.DENSE) {
                TensorAssert.assertThat(found).isCloseTo(golden.expected("hidden"), Tolerance.GOLDEN_LOGITS);
                return;
            }
            try (var model = LanguageModel.open(output)) {
                assertThat(model.spec()
                                .sites()
                                .map(site -> model.weights().linear(site).form()))
                        .contains(form.form());
                MergedExport.write(model, folder.resolve("merged"), Progress.silent());
            }
            TensorAssert.assertThat(hidden(folder.resolve("merged"), golden)).isCloseTo(found, Tolerance.F32_LOGITS);
        });
        assertThat(Files.exists(output.resolve("1_Pooling/config.json")))
                .isEqualTo(golden.equals(GoldenEncoder.SENTENCE));
    }

    private static CompressionRecipe recipe(String method, String allocator) {
        return CompressionRecipe.of(
                Methods.of(method, MethodOptions.DEFAULT),
                StoragePolicy.AUTO,
                Allocators.of(allocator, AllocatorOptions.DEFAULT),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(KEEP)),
                3);
    }

    @ParameterizedTest
    @CsvSource({
        "asvd, uniform",
        "svd-llm, energy",
        "svd-llm, knapsack",
        "kfac-svd, uniform",
        "lord, bolaco",
        "svd-llm, asvd",
        "basis-sharing, uniform",
        "shortgpt, uniform"
    })
    void methodsAndAllocatorsThatMeasureWorkOnEncoders(String method, String allocator) {
        var chosen = Methods.of(method, MethodOptions.DEFAULT);
        var spender = allocator.equals("uniform") ? chosen.allocator() : allocator;
        try (var source = LanguageModel.open(GoldenEncoder.SENTENCE.folder())) {
            var windows = CompressedForm.calibration(source, 8, 16).windows();
            var validation = ValidationSet.of(windows, new TextIdentity(List.of(), "random", 16, 8, 0, 128));
            var report = Compression.runAll(
                            source,
                            List.of(new Compression.Job(recipe(method, spender), folder.resolve("out"))),
                            CompressedForm.calibration(source, 32, 16),
                            validation,
                            Compression.Unfinished.RESUME,
                            Progress.silent())
                    .getFirst();
            assertThat(report.parametersAfter()).isLessThan(report.parametersBefore());
        }
        TensorScope.tidyRun(() -> TensorAssert.assertThat(hidden(folder.resolve("out"), GoldenEncoder.SENTENCE))
                .isFinite());
    }

    @ParameterizedTest
    @ValueSource(strings = {"sleb", "modegpt", "slicegpt"})
    void methodsThatNeedADecoderAreRefusedWithWhatWorks(String method) {
        try (var source = LanguageModel.open(GoldenEncoder.SENTENCE.folder())) {
            var recipe =
                    recipe(method, Methods.of(method, MethodOptions.DEFAULT).allocator());
            assertThatThrownBy(() -> CompressionPlan.of(source, recipe, 8, 16))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("bert is an encoder")
                    .hasMessageContaining("svd-llm");
        }
    }

    @Test
    void allocationsByTheNextTokenAreRefusedWithWhatWorks() {
        try (var source = LanguageModel.open(GoldenEncoder.SENTENCE.folder())) {
            assertThatThrownBy(() -> CompressionPlan.of(source, recipe("svd-llm", "zs-svd"), 8, 16))
                    .hasMessageContaining("zs-svd")
                    .hasMessageContaining("knapsack");
            var bound = new WithinBound(
                    Allocators.of("uniform", AllocatorOptions.DEFAULT),
                    CostUnit.PARAMETERS,
                    new PerplexityIncrease(0.01));
            var recipe = CompressionRecipe.of(
                    Methods.of("svd-llm", MethodOptions.DEFAULT),
                    StoragePolicy.AUTO,
                    bound,
                    new Budget.Unbounded(CostUnit.PARAMETERS),
                    3);
            assertThatThrownBy(() -> CompressionPlan.of(source, recipe, 8, 16)).hasMessageContaining("--keep");
        }
    }

    @Test
    void theErrorOfAnEmbeddingIsOneMinusItsCosine() {
        TensorScope.tidyRun(() -> {
            var dense = new HiddenStates(folder, "dense", 3, 8);
            var cut = new HiddenStates(folder, "cut", 3, 8);
            var a = Tensors.randn(1, DType.F32, 1, 3, 8);
            var b = Tensors.randn(2, DType.F32, 1, 3, 8);
            dense.write(0, 0, a);
            cut.write(0, 0, b);
            var error = new EmbeddingError(TextPooling.DEFAULT);
            var ofA = a.mean(1, false);
            var ofB = b.mean(1, false);
            var cosine = ofA.mul(ofB).sum().item()
                    / Math.sqrt(ofA.square().sum().item() * ofB.square().sum().item());
            assertThat(error.mean(cut, dense, 0, 1)).isCloseTo(1 - cosine, within(1e-6));
            assertThat(error.mean(dense, dense, 0, 1)).isZero();
        });
    }

    @Test
    void drawnGradientsGiveTheErrorOfSmallChanges() {
        TensorScope.tidyRun(() -> {
            var hidden = Tensors.randn(3, DType.F32, 1, 3, 8);
            var change = Tensors.randn(4, DType.F32, 1, 3, 8).mul(1e-3);
            var error = new EmbeddingError(TextPooling.DEFAULT);
            var expected = TextPooling.DEFAULT
                            .apply(hidden.add(change))
                            .sub(TextPooling.DEFAULT.apply(hidden))
                            .square()
                            .sum()
                            .item()
                    / 2;
            var sum = 0.0;
            var draws = 4000;
            for (var seed = 0; seed < draws; seed++) {
                var own = seed;
                sum += TensorScope.tidy(() -> {
                    var felt = error.gradient(hidden, own).mul(change).sum().item();
                    return felt * felt / 2;
                });
            }
            assertThat(sum / draws).isCloseTo(expected, within(0.1 * expected));
        });
    }
}
