package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.quantize.Outliers;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.SyntheticLlama;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/// Models whose targets keep single entries beside what they are stored in.
@NoNativeLeaks
class OutlierCompressionTest {
    private static final SyntheticLlama.Size SIZE = new SyntheticLlama.Size(128, 2, 4, 2, 256, 96);
    private static final Outliers SOME = new Outliers(0.02);
    private static final Quantization Q4 = new Quantization(DType.Q4_0, false);

    @TempDir
    private Path folder;

    private Path model;

    @BeforeEach
    void writeModel() throws Exception {
        model = folder.resolve("source");
        SyntheticLlama.write(model, SIZE, 1);
    }

    @ParameterizedTest
    @CsvSource({"0.6, true", "1, true", "0.6, false"})
    void whatIsWrittenIsReadByBothEnginesAndReportedWithItsErrorAndBytes(double keep, boolean blocks) {
        var quantization = blocks ? Q4 : null;
        try (var source = LanguageModel.open(model)) {
            var without = run(source, recipe(keep, quantization, null), "without");
            var report = run(source, recipe(keep, quantization, SOME), "out");
            var entries = 0L;
            for (var site : report.sites()) {
                if (site.rounding() != null) {
                    assertThat(site.rounding().outliers()).isPositive();
                    entries += site.rounding().outliers();
                }
            }
            var totals = report.rounding();
            assertThat(totals).isNotNull();
            assertThat(totals.outliers()).isEqualTo(entries);
            assertThat(totals.weighed()).isTrue();
            assertThat(totals.parts().isEmpty()).isEqualTo(!blocks);
            var before = without.rounding();
            assertThat(totals.jointError()).isLessThan(before == null ? totals.cutError() : before.jointError());
            assertThat(report.parametersAfter() - without.parametersAfter()).isEqualTo(entries);
            assertThat(report.bytesAfter()).isGreaterThan(without.bytesAfter() + entries * 4);
        }
        try (var written = LanguageModel.open(folder.resolve("out"))) {
            assertThat(written.spec().sites().map(site -> written.weights().linear(site)))
                    .hasAtLeastOneElementOfType(Linear.SparsePlusLowRank.class);
            enginesAgree(written);
            MergedExport.write(written, folder.resolve("merged"), Progress.silent());
            try (var merged = LanguageModel.open(folder.resolve("merged"))) {
                for (var site : written.spec().sites().toList()) {
                    TensorScope.tidyRun(() -> {
                        var whole = MergedExport.matrix(written.weights().linear(site));
                        var dense = MergedExport.matrix(merged.weights().linear(site));
                        assertThat(dense.sub(whole).abs().max().item())
                                .as("as BF16 holds it")
                                .isLessThanOrEqualTo(whole.abs().max().item() / 256);
                    });
                }
            }
        }
    }

    private static void enginesAgree(LanguageModel written) {
        var tokens = new int[] {3, 14, 15, 92, 65};
        TensorScope.tidyRun(() -> {
            try (var decoder = TorchDecoder.load(written, Residency.RESIDENT);
                    var rows = RowDecoder.of(written, 2);
                    var cache = KvCache.of(written.spec(), tokens.length)) {
                var vocabulary = written.spec().vocabSize();
                var all = new double[tokens.length * vocabulary];
                for (var i = 0; i < tokens.length; i++) {
                    var row = rows.step(tokens[i], cache);
                    for (var j = 0; j < vocabulary; j++) {
                        all[i * vocabulary + j] = row[j];
                    }
                }
                TensorAssert.assertThat(decoder.logits(List.of(tokens))).isCloseTo(all, Tolerance.ENGINES_AGREE);
            }
        });
    }

    @Test
    void bytesAreWhatThePlanSaid() {
        try (var source = LanguageModel.open(model)) {
            for (var recipe : List.of(recipe(1, new Quantization(DType.Q4_1, false), SOME), known(0.5))) {
                var name = recipe.name() + recipe.ranksKnownAhead();
                var plan = CompressionPlan.of(source, recipe, 8, 16);
                var report = run(source, recipe, name);
                assertThat(plan.ranksKnown()).isTrue();
                for (var i = 0; i < plan.targets().size(); i++) {
                    var target = plan.targets().get(i);
                    assertThat(target.weightBytes())
                            .isEqualTo(report.sites().get(i).bytes());
                    assertThat(target.parametersAfter())
                            .isEqualTo(report.sites().get(i).parameters());
                }
            }
        }
    }

    @Test
    void theWeightFileHoldsABudgetOfBytesWithOutliers() {
        long budget;
        try (var source = LanguageModel.open(model)) {
            budget = source.checkpoint().weightBytes() * 7 / 10;
            var recipe = WeightBudget.of(source, recipe(0.9, null, SOME), budget);
            var report = run(source, recipe, "bound");
            assertThat(report.rounding()).isNotNull();
        }
        assertThat(folder.resolve("bound").resolve("model.safetensors").toFile().length())
                .isBetween((long) (0.95 * budget), budget);
    }

    /// Ranks that are chosen after all was decomposed come from files, where nothing is decomposed again.
    @Test
    void methodsWithoutAnUpdateHaveOutliersToo() {
        try (var source = LanguageModel.open(model)) {
            for (var method : List.of("svd", "asvd", "kfac-svd")) {
                var recipe = CompressionRecipe.named(method, MethodOptions.DEFAULT, share(0.6), 3);
                var report = run(source, recipe.with(SOME), method);
                assertThat(report.rounding()).isNotNull();
                assertThat(report.rounding().jointError())
                        .isLessThan(report.rounding().cutError());
                assertThat(report.rounding().weighed()).isFalse();
            }
        }
    }

    @Test
    void stoppedAnywhereItEndsInTheSameBytes() throws Exception {
        try (var source = LanguageModel.open(model)) {
            var recipe = recipe(0.6, Q4, SOME);
            var steps = new int[1];
            run(source, recipe, "whole", (what, done, total) -> steps[0]++);
            for (var stop = 1; stop <= steps[0]; stop += 5) {
                var left = new int[] {stop};
                var name = "stopped-" + stop;
                assertThatThrownBy(() -> run(source, recipe, name, (what, done, total) -> {
                            if (--left[0] == 0) {
                                throw new Stopped();
                            }
                        }))
                        .isInstanceOf(Stopped.class);
                run(source, recipe, name);
                assertThat(content(folder.resolve(name)))
                        .as("stopped at %d", stop)
                        .isEqualTo(content(folder.resolve("whole")));
            }
        }
    }

    @Test
    void theManifestTellsHowToMakeItAgainAndWhatItLost() throws Exception {
        try (var source = LanguageModel.open(model)) {
            run(source, recipe(0.6, Q4, SOME), "out");
        }
        var manifest = JsonMapper.builder().build().readTree(folder.resolve("out/lowrank.json"));
        assertThat(manifest.findPath("rounding").path("outliers").asLong()).isPositive();
        assertThat(manifest.findPath("fingerprint").toString()).contains("\"outliers\":0.02");
        assertThat(Files.readString(folder.resolve("out/config.json"))).contains("\"sparse\":");
        assertThat(RecipeArguments.of(recipe(0.6, Q4, SOME))).containsSequence("--outliers", "0.02");
    }

    @ParameterizedTest
    @CsvSource({
        "columns, 4, 300, names column 300 of 128",
        "columns, 0, 127, after column 127",
        "starts, 1, 100000, runs from 0 to 100000",
        "starts, 0, 1, run from 1"
    })
    void damagedPlacesAreRefused(String part, int at, int number, String said) {
        var out = written();
        var name = "model.layers.0.self_attn.q_proj.sparse." + part;
        rewrite(out.resolve("model.safetensors"), name, tensor -> {
            if (tensor.dtype() == DType.I16) {
                tensor.data().set(HostTensor.SHORT, 2L * at, (short) number);
            } else {
                tensor.data().set(HostTensor.INT, 4L * at, number);
            }
            return tensor;
        });
        try (var damaged = LanguageModel.open(out)) {
            var site = damaged.spec().sites().findFirst().orElseThrow();
            assertThatThrownBy(() -> damaged.weights().linear(site))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("q_proj.sparse")
                    .hasMessageContaining(said);
        }
    }

    @Test
    void countsThatDoNotFitAreRefusedWhenTheFolderIsOpened() throws Exception {
        var out = written();
        var config = out.resolve("config.json");
        var text = Files.readString(config);
        for (var other : List.of("1", "\"many\"", "-4")) {
            Files.writeString(config, text.replaceFirst("\"sparse\" *: *[0-9]+", "\"sparse\":" + other));
            assertThatThrownBy(() -> LanguageModel.open(out))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("sparse");
        }
        Files.writeString(config, text.replaceFirst(",\\s*\"sparse\" *: *[0-9]+", ""));
        assertThatThrownBy(() -> LanguageModel.open(out))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("sparse.columns");
    }

    @Test
    void whatCannotHaveOutliersSaysSo() {
        var centred = CompressionRecipe.named("lord", MethodOptions.DEFAULT, share(0.5), 0);
        assertThatThrownBy(() -> centred.with(SOME))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--outliers")
                .hasMessageContaining("--uncentred");
        var rotated = CompressionRecipe.named("slicegpt", MethodOptions.DEFAULT, share(0.5), 0);
        assertThatThrownBy(() -> rotated.with(SOME)).hasMessageContaining("slicegpt");
    }

    private Path written() {
        try (var source = LanguageModel.open(model)) {
            run(source, known(0.5), "out");
        }
        return folder.resolve("out");
    }

    private static void rewrite(Path file, String name, UnaryOperator<HostTensor> change) {
        try (var arena = Arena.ofConfined()) {
            var tensors = new TreeMap<String, HostTensor>();
            try (var stored = SafetensorsFile.open(file)) {
                for (var each : stored.names()) {
                    var tensor = stored.tensor(each);
                    var copy = arena.allocate(tensor.bytes(), 8).copyFrom(tensor.data());
                    tensors.put(each, new HostTensor(tensor.dtype(), tensor.shape(), copy));
                }
            }
            tensors.computeIfPresent(name, (any, tensor) -> change.apply(tensor));
            var entries = tensors.entrySet().stream()
                    .map(each -> new SafetensorsWriter.Entry(
                            each.getKey(),
                            each.getValue().dtype(),
                            each.getValue().shape()))
                    .toList();
            try (var writer = SafetensorsWriter.create(file, entries)) {
                tensors.forEach(writer::write);
                writer.finish();
            }
        }
    }

    private static Budget share(double keep) {
        return new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep));
    }

    private static CompressionRecipe recipe(double keep, @Nullable Quantization blocks, @Nullable Outliers outliers) {
        var recipe = CompressionRecipe.named("lowrank", MethodOptions.DEFAULT, share(keep), 3);
        return (blocks == null ? recipe : recipe.quantized(blocks, blocks.rankMultiple())).with(outliers);
    }

    /// Ranks known before anything is measured.
    private static CompressionRecipe known(double keep) {
        return CompressionRecipe.named("svd", MethodOptions.DEFAULT, share(keep), 3)
                .with(SOME);
    }

    private CompressionReport run(LanguageModel source, CompressionRecipe recipe, String name) {
        return run(source, recipe, name, Progress.silent());
    }

    private CompressionReport run(LanguageModel source, CompressionRecipe recipe, String name, Progress progress) {
        var job = new Job(recipe, folder.resolve(name));
        return Compression.run(source, job, CompressionTest.calibration(), Unfinished.RESUME, progress);
    }

    private static TreeMap<String, Integer> content(Path output) throws Exception {
        var content = new TreeMap<String, Integer>();
        try (var files = Files.walk(output)) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                content.put(output.relativize(file).toString(), Arrays.hashCode(Files.readAllBytes(file)));
            }
        }
        return content;
    }

    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;
    }
}
