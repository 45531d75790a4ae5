package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The promise behind one description and two engines, for every architecture and storage form.
@NoNativeLeaks
class EnginesAgreeTest {
    private static final double KEEP = 0.6;
    /// Here an index or a new bias can cost more than the rank saves.
    private static final double BARELY_SMALLER = 0.98;

    /// Shared, so that each form is compressed once.
    @TempDir
    static Path folder;

    static Stream<Arguments> everyForm() {
        return GoldenModel.ofEachArchitecture()
                .flatMap(golden -> Arrays.stream(CompressedForm.values()).map(form -> Arguments.of(golden, form)));
    }

    static Stream<Arguments> formsWithinTheBudget() {
        return everyForm().filter(arguments -> !((CompressedForm) arguments.get()[1]).hasOutliers());
    }

    static Stream<Arguments> compressedForms() {
        return everyForm().filter(arguments -> arguments.get()[1] != CompressedForm.DENSE);
    }

    private static Path compressed(GoldenModel golden, CompressedForm form, double keep) {
        var output = folder.resolve(golden + "-" + form + "-" + keep);
        if (!Files.exists(output)) {
            try (var source = LanguageModel.open(golden.folder())) {
                form.write(source, keep, output);
            }
        }
        return output;
    }

    private static Tensor torch(LanguageModel model, List<int[]> windows) {
        try (var decoder = TorchDecoder.load(model, Residency.RESIDENT)) {
            return decoder.logits(windows);
        }
    }

    private static double[] rows(LanguageModel model, List<int[]> windows) {
        var vocabulary = model.spec().vocabSize();
        var seq = windows.getFirst().length;
        var all = new double[windows.size() * seq * vocabulary];
        var at = 0;
        try (var decoder = RowDecoder.of(model, 2);
                var cache = KvCache.of(model.spec(), seq)) {
            for (var window : windows) {
                cache.advanceTo(0);
                for (var token : window) {
                    for (var value : decoder.step(token, cache)) {
                        all[at++] = value;
                    }
                }
            }
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("everyForm")
    void bothEnginesComputeTheSameLogits(GoldenModel golden, CompressedForm form) {
        try (var model = LanguageModel.open(compressed(golden, form, KEEP))) {
            assertThat(model.spec().sites().map(site -> model.weights().linear(site)))
                    .allSatisfy(linear -> {
                        assertThat(linear.form()).isEqualTo(form.form());
                        assertThat(form.gainsBias() && linear.bias() == null).isFalse();
                    });
            TensorScope.tidyRun(() -> TensorAssert.assertThat(torch(model, golden.windows()))
                    .isFinite()
                    .isCloseTo(rows(model, golden.windows()), Tolerance.ENGINES_AGREE));
        }
    }

    @ParameterizedTest
    @MethodSource("formsWithinTheBudget")
    void nothingStoredIsLargerThanTheMatrixItReplaces(GoldenModel golden, CompressedForm form) {
        for (var keep : new double[] {KEEP, BARELY_SMALLER}) {
            try (var source = LanguageModel.open(golden.folder());
                    var model = LanguageModel.open(compressed(golden, form, keep))) {
                source.spec().sites().forEach(site -> {
                    var before = source.weights().linear(site);
                    var after = model.weights().linear(site);
                    assertThat(after.parameters()).as(site.name()).isLessThanOrEqualTo(before.parameters());
                    assertThat(after.bytes()).as(site.name()).isLessThanOrEqualTo(before.bytes());
                });
                assertThat(model.weights().parameters())
                        .isLessThanOrEqualTo(source.weights().parameters());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("compressedForms")
    void theMergedFolderComputesWhatTheCompressedOneDoes(GoldenModel golden, CompressedForm form) {
        var merged = folder.resolve(golden + "-" + form + "-merged");
        try (var model = LanguageModel.open(compressed(golden, form, KEEP))) {
            if (form.gainsBias() && model.spec().modelType().equals("qwen2")) {
                assertThatThrownBy(() -> MergedExport.write(model, merged, Progress.silent()))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining("bias")
                        .hasMessageContaining("o_proj")
                        .hasMessageContaining("qwen2");
                assertThat(merged).doesNotExist();
                return;
            }
            MergedExport.write(model, merged, Progress.silent());
            try (var dense = LanguageModel.open(merged)) {
                assertThat(dense.checkpoint().config().lowrank()).isNull();
                assertThat(dense.spec()
                                .sites()
                                .map(site -> dense.weights().linear(site).form()))
                        .containsOnly("dense");
                TensorScope.tidyRun(() -> TensorAssert.assertThat(torch(dense, golden.windows()))
                        .isCloseTo(torch(model, golden.windows()), Tolerance.F32_LOGITS));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa-tied", "llama-rope-llama3-biased", "qwen2-tied"})
    void bothEnginesComputeTheSameLogitsOfANarrowerStream(String name) {
        var golden = GoldenModel.of(name);
        var output = folder.resolve(golden + "-slicegpt");
        try (var source = LanguageModel.open(golden.folder())) {
            CompressedForm.write(source, "slicegpt", KEEP, output);
        }
        try (var model = LanguageModel.open(output)) {
            assertThat(model.spec().hiddenSize()).isEqualTo(16);
            TensorScope.tidyRun(() -> TensorAssert.assertThat(torch(model, golden.windows()))
                    .isFinite()
                    .isCloseTo(rows(model, golden.windows()), Tolerance.ENGINES_AGREE));
        }
    }

    @ParameterizedTest
    @MethodSource("golden")
    void aDenseFolderHasNothingToMerge(GoldenModel golden) {
        try (var model = LanguageModel.open(golden.folder())) {
            assertThatThrownBy(() -> MergedExport.write(model, folder.resolve(golden + "-merged"), Progress.silent()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("dense already");
        }
    }

    static Stream<GoldenModel> golden() {
        return GoldenModel.ofEachArchitecture();
    }
}
