package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.Role;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.text.CalibrationSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A rotated and sliced residual stream, from the budget to a plain folder.
@NoNativeLeaks
class StreamCutTest {
    private static final int WIDTH = 20;
    private static final double SUBSPACE_KEEP = WIDTH / 32.0;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama-gqa-tied",
                "llama-rope-linear",
                "llama-rope-llama3-biased",
                "llama-rope-yarn",
                "qwen2-tied"
            })
    void aModelWhoseAxesAllStayComputesWhatItDidFromOtherNumbers(String name) {
        try (var source = LanguageModel.open(GoldenModel.of(name).folder())) {
            var report = run(source, recipe(1.0), folder.resolve("all"));
            assertThat(report.keptTarget()).isEqualTo(1);
            try (var all = LanguageModel.open(folder.resolve("all"))) {
                assertThat(all.spec().hiddenSize()).isEqualTo(source.spec().hiddenSize());
                assertThat(difference(source, all)).isLessThan(1e-5);
                TensorScope.tidyRun(() -> {
                    var before = Tensors.from(source.weights().embedding());
                    var change = Tensors.from(all.weights().embedding()).sub(before);
                    assertThat(change.norm().item())
                            .isGreaterThan(0.1 * before.norm().item());
                });
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa-tied", "llama-rope-llama3-biased", "qwen2-tied"})
    void aStreamThatLiesInASubspaceIsSlicedToItWithoutLoss(String name) throws Exception {
        try (var source = subspace(GoldenModel.of(name).folder(), null)) {
            var report = run(source, recipe(SUBSPACE_KEEP), folder.resolve("cut"));
            assertThat(report.sites())
                    .allSatisfy(site -> assertThat(site.error()).isLessThan(1e-3));
            try (var cut = LanguageModel.open(folder.resolve("cut"))) {
                assertThat(cut.spec().hiddenSize()).isEqualTo(WIDTH);
                assertThat(difference(source, cut)).isLessThan(1e-4);
            }
            run(source, recipe(0.5), folder.resolve("more"));
            try (var more = LanguageModel.open(folder.resolve("more"))) {
                assertThat(difference(source, more)).isGreaterThan(1e-2);
            }
        }
    }

    @Test
    void aHeadThatTheFinalNormDoesNotPartFromTheEmbeddingStaysTied() throws Exception {
        try (var source = subspace(GoldenModel.of("llama-gqa-tied").folder(), 1.7)) {
            var plan = CompressionPlan.of(source, recipe(SUBSPACE_KEEP), 8, 16);
            assertThat(plan.headParameters()).isZero();
            var report = run(source, recipe(SUBSPACE_KEEP), folder.resolve("cut"));
            assertThat(report.warnings()).isEmpty();
            assertThat(report.parametersAfter()).isEqualTo(plan.parametersAfter());
            try (var cut = LanguageModel.open(folder.resolve("cut"))) {
                assertThat(cut.spec().tied()).isTrue();
                assertThat(cut.weights().names()).doesNotContain("lm_head.weight");
                assertThat(difference(source, cut)).isLessThan(1e-4);
            }
        }
    }

    @Test
    void theOutputIsAPlainModelAndTheHeadOfItsOwnIsCounted() throws Exception {
        try (var source = LanguageModel.open(GoldenModel.of("llama-gqa-tied").folder())) {
            var plan = CompressionPlan.of(source, recipe(0.8), 8, 16);
            var report = run(source, recipe(0.8), folder.resolve("cut"));
            // 25.6 of 32 axes, in multiples of 4 heads.
            assertThat(plan.headParameters()).isEqualTo(24L * source.spec().vocabSize());
            assertThat(plan.parametersAfter()).isEqualTo(report.parametersAfter());
            assertThat(plan.bytesAfter()).isEqualTo(4 * report.parametersAfter());
            assertThat(plan.targetParametersAfter() * 32).isEqualTo(plan.targetParametersBefore() * 24);
            assertThat(report.keptTarget()).isEqualTo(0.75);
            assertThat(report.warnings())
                    .singleElement()
                    .asString()
                    .contains("one matrix")
                    .contains("two now");
            assertThat(report.allocator()).isEqualTo("slicegpt");
            assertThat(report.storage()).isEqualTo("dense");
            assertThat(report.allocation()).singleElement().asString().startsWith("residual stream of 24 axes");
            try (var cut = LanguageModel.open(folder.resolve("cut"))) {
                var config = cut.checkpoint().config();
                assertThat(config.lowrank()).isNull();
                assertThat(config.json().get("hidden_size").intValue()).isEqualTo(24);
                assertThat(config.json().get("head_dim").intValue()).isEqualTo(8);
                assertThat(config.json().get("tie_word_embeddings").booleanValue())
                        .isFalse();
                assertThat(cut.spec().norm().epsilon())
                        .isCloseTo(source.spec().norm().epsilon() * 32 / 24, within(1e-18));
                assertThat(cut.weights()
                                .scale(cut.spec().blocks().getFirst().mlpNorm())
                                .toFloats())
                        .hasSize(24)
                        .containsOnly(1);
                assertThat(cut.weights().parameters()).isEqualTo(report.parametersAfter());
            }
            assertThat(folder.resolve("cut").resolve("lowrank_layers.py")).doesNotExist();
            assertThat(Files.readString(folder.resolve("cut").resolve("README.md")))
                    .contains("hidden size")
                    .doesNotContain("trust_remote_code");
        }
    }

    @Test
    void aWidthIsAMultipleOfTheHeadsAndOfWhatIsAsked() {
        try (var source = LanguageModel.open(GoldenModel.of("llama-gqa-tied").folder())) {
            var eights = recipe(0.9, 8, Set.of(), Set.of(), StoragePolicy.AUTO, "uniform");
            assertThat(width(source, recipe(0.9))).isEqualTo(28);
            assertThat(width(source, eights)).isEqualTo(24);
            assertThatThrownBy(() -> width(source, recipe(0.1))).hasMessageContaining("keep more");
        }
    }

    @Test
    void whatDoesNotFitIsRefusedWithTheReason() {
        try (var source = LanguageModel.open(GoldenModel.of("llama-gqa-tied").folder());
                var gpt2 = LanguageModel.open(GoldenModel.of("gpt2").folder());
                var bigcode = LanguageModel.open(
                        GoldenModel.of("gpt_bigcode-multi-query").folder())) {
            assertThatThrownBy(() -> width(gpt2, recipe(0.8)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("gpt2")
                    .hasMessageContaining("layer norms");
            assertThatThrownBy(() -> width(bigcode, recipe(0.8))).hasMessageContaining("gpt_bigcode");
            assertThatThrownBy(() -> recipe(0.8, 1, Set.of(), Set.of(), StoragePolicy.PIVOTED, "uniform"))
                    .hasMessageContaining("--storage");
            assertThatThrownBy(() -> recipe(0.8, 1, Set.of(), Set.of(), StoragePolicy.AUTO, "knapsack"))
                    .hasMessageContaining("--allocate");
            var roles = recipe(0.8, 1, Set.of(Role.Q_PROJ), Set.of(), StoragePolicy.AUTO, "uniform");
            assertThatThrownBy(() -> width(source, roles)).hasMessageContaining("--targets");
            var blocks = recipe(0.8, 1, Set.of(), Set.of(0), StoragePolicy.AUTO, "uniform");
            assertThatThrownBy(() -> width(source, blocks)).hasMessageContaining("--protect");
            assertThatThrownBy(() -> CompressionRecipe.of(
                            recipe(0.8).method(),
                            StoragePolicy.AUTO,
                            recipe(0.8).allocator(),
                            new Budget.Unbounded(CostUnit.PARAMETERS),
                            0))
                    .hasMessageContaining("--keep");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"axes.safetensors", "tables.safetensors", "rotation.json", "part-00000.safetensors"})
    void aTornWorkingFileIsDoneAgain(String torn) throws Exception {
        try (var source = LanguageModel.open(GoldenModel.of("llama-gqa-tied").folder())) {
            run(source, recipe(0.6), folder.resolve("whole"));
            var output = folder.resolve("torn");
            assertThatThrownBy(() -> Compression.run(
                            source,
                            job(recipe(0.6), output),
                            calibration(source),
                            Unfinished.RESUME,
                            (what, done, all) -> {
                                if (what.equals("compress") && done == 1) {
                                    throw new IllegalStateException("stopped");
                                }
                            }))
                    .hasMessage("stopped");
            var file = folder.resolve("torn.partial").resolve(".work").resolve(torn);
            var bytes = Files.readAllBytes(file);
            Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
            run(source, recipe(0.6), output);
            for (var name : new String[] {"model.safetensors", "config.json", "lowrank.json"}) {
                assertThat(output.resolve(name))
                        .hasSameBinaryContentAs(folder.resolve("whole").resolve(name));
            }
        }
    }

    @Test
    void aStreamThatIsNotFiniteNamesItsBlock() throws Exception {
        var poisoned = "model.layers.1.self_attn.o_proj.weight";
        var path = rewrite(
                GoldenModel.of("llama-gqa-tied").folder(),
                null,
                (name, value) -> name.equals(poisoned) ? value.mul(Double.NaN) : value);
        try (var source = LanguageModel.open(path)) {
            assertThatThrownBy(() -> run(source, recipe(0.8), folder.resolve("out")))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining("block 1");
            assertThat(folder.resolve("out")).doesNotExist();
        }
    }

    /// A model whose embedding and every linear that adds to the stream stay within 20 of 32 dimensions;
    /// its norms have an epsilon that counts.
    ///
    /// @param finalScale what the final norm multiplies all channels by; null for its own weight
    private LanguageModel subspace(Path golden, @Nullable Double finalScale) throws IOException {
        return LanguageModel.open(TensorScope.tidy(() -> {
            var basis = Linalg.qr(Tensors.randn(11, DType.F64, 32, WIDTH)).q();
            var inside = basis.matmul(basis.t()); // projector
            try {
                return rewrite(golden, 0.05, (name, value) -> {
                    if (name.equals("model.norm.weight") && finalScale != null) {
                        return Tensors.full(finalScale, DType.F64, 32);
                    }
                    if (name.equals("model.embed_tokens.weight")) {
                        return value.matmul(inside);
                    }
                    var writer = name.contains("o_proj") || name.contains("down_proj");
                    return !writer
                            ? value
                            : value.rank() == 2
                                    ? inside.matmul(value)
                                    : value.unsqueeze(0).matmul(inside).squeeze(0);
                });
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }));
    }

    /// A name and an F64 tensor to what stands in its place.
    private interface Change {
        Tensor of(String name, Tensor value);
    }

    /// Writes a model with other numbers.
    private Path rewrite(Path golden, @Nullable Double epsilon, Change change) throws IOException {
        var path = Files.createDirectories(folder.resolve("source"));
        try (var model = LanguageModel.open(golden);
                var arena = Arena.ofConfined()) {
            var values = new TreeMap<String, HostTensor>();
            for (var name : model.weights().names()) {
                values.put(
                        name,
                        TensorScope.tidy(() -> change.of(
                                        name, Tensors.from(model.weights().read(name), DType.F64))
                                .toHost(DType.F32, arena)));
            }
            var entries = new ArrayList<SafetensorsWriter.Entry>();
            values.forEach(
                    (name, value) -> entries.add(new SafetensorsWriter.Entry(name, value.dtype(), value.shape())));
            try (var writer = SafetensorsWriter.create(path.resolve("model.safetensors"), entries)) {
                values.forEach(writer::write);
                writer.finish();
            }
            var config = model.checkpoint().config().json();
            if (epsilon != null) {
                config.put("rms_norm_eps", epsilon.doubleValue());
            }
            Files.writeString(path.resolve("config.json"), config.toString());
        }
        return path;
    }

    private static int width(LanguageModel source, CompressionRecipe recipe) {
        var plan = CompressionPlan.of(source, recipe, 8, 16);
        return Math.toIntExact(32 * plan.targetParametersAfter() / plan.targetParametersBefore());
    }

    private static CompressionRecipe recipe(double keep) {
        return recipe(keep, 1, Set.of(), Set.of(), StoragePolicy.AUTO, "uniform");
    }

    private static CompressionRecipe recipe(
            double keep,
            int multiple,
            Set<Role> targets,
            Set<Integer> layers,
            StoragePolicy storage,
            String allocator) {
        return new CompressionRecipe(
                "slicegpt",
                Methods.of("slicegpt", MethodOptions.DEFAULT),
                TargetStorage.plain(storage),
                Allocators.of(allocator, AllocatorOptions.DEFAULT),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep)),
                multiple,
                targets,
                layers,
                null,
                null,
                0);
    }

    private static Job job(CompressionRecipe recipe, Path output) {
        return new Job(recipe, output);
    }

    private static CalibrationSet calibration(LanguageModel source) {
        return CompressedForm.calibration(source, 40, 64);
    }

    private static CompressionReport run(LanguageModel source, CompressionRecipe recipe, Path output) {
        return Compression.run(source, job(recipe, output), calibration(source), Unfinished.RESUME, Progress.silent());
    }

    private static double difference(LanguageModel left, LanguageModel right) {
        return TensorScope.tidy(() -> {
            var windows = CompressedForm.calibration(left, 3, 24).windows();
            try (var one = TorchDecoder.load(left, Residency.RESIDENT);
                    var other = TorchDecoder.load(right, Residency.RESIDENT)) {
                var expected = one.logits(windows);
                return other.logits(windows).sub(expected).abs().max().item()
                        / expected.abs().max().item();
            }
        });
    }
}
