package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.SyntheticLlama;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.json.JsonMapper;

/// Models whose targets are stored in quantised blocks.
@NoNativeLeaks
class QuantizedCompressionTest {
    private static final SyntheticLlama.Size SIZE = new SyntheticLlama.Size(128, 2, 4, 2, 256, 96);

    @TempDir
    private Path folder;

    private Path model;

    @BeforeEach
    void writeModel() throws Exception {
        model = folder.resolve("source");
        SyntheticLlama.write(model, SIZE, 1);
    }

    static List<DType> types() {
        return Quantization.types();
    }

    @ParameterizedTest
    @MethodSource("types")
    void everyTypeIsReadBackByBothEngines(DType type) {
        try (var source = LanguageModel.open(model)) {
            var report = run(
                    source,
                    recipe("lowrank", type == DType.NF4 ? 0.8 : 0.6, new Quantization(type, false)),
                    "out",
                    Progress.silent());
            assertThat(report.sites()).allSatisfy(site -> {
                assertThat(site.rounding()).isNotNull();
                assertThat(site.rounding().joint())
                        .isGreaterThanOrEqualTo(site.rounding().cut() * 0.9);
                assertThat(site.rounding().weighed()).isTrue();
            });
            assertThat(report.sites()).anyMatch(site -> !site.form().equals("dense"));
        }
        try (var written = LanguageModel.open(folder.resolve("out"))) {
            var spec = written.spec();
            assertThat(spec.sites())
                    .allSatisfy(
                            site -> assertThat(written.weights().linear(site).parts())
                                    .anyMatch(part -> part.dtype().isBlocks()));
            assertThat(written.weights().parameters()).isGreaterThan(96 * 128);
            enginesAgree(written);
        }
    }

    static void enginesAgree(LanguageModel written) {
        var tokens = new int[] {3, 14, 15, 92, 65};
        TensorScope.tidyRun(() -> {
            try (var decoder = TorchDecoder.load(written, Residency.RESIDENT);
                    var rows = RowDecoder.of(written, 1);
                    var cache = KvCache.of(written.spec(), tokens.length)) {
                var whole = decoder.logits(List.of(tokens)).toFloats();
                var vocabulary = written.spec().vocabSize();
                for (var i = 0; i < tokens.length; i++) {
                    var row = rows.step(tokens[i], cache);
                    for (var j = 0; j < vocabulary; j++) {
                        assertThat((double) row[j]).isCloseTo(whole[i * vocabulary + j], within(2e-3));
                    }
                }
            }
        });
    }

    @Test
    void denseModelsAreQuantisedWithoutACut() {
        try (var source = LanguageModel.open(model)) {
            var q8 = run(source, recipe("lowrank", 1, new Quantization(DType.Q8_0, false)), "q8", Progress.silent());
            var q4 = run(source, recipe("lowrank", 1, new Quantization(DType.Q4_0, false)), "q4", Progress.silent());
            assertThat(q8.sites()).allMatch(site -> site.form().equals("dense"));
            assertThat(q8.sites())
                    .allMatch(site -> site.rounding() != null && site.rounding().cut() == 0);
            assertThat(q4.bytesAfter()).isLessThan(q8.bytesAfter());
            assertThat(q8.bytesAfter()).isLessThan(q8.bytesBefore());
            for (var i = 0; i < q8.sites().size(); i++) {
                assertThat(q8.sites().get(i).rounding().jointError())
                        .isLessThan(q4.sites().get(i).rounding().jointError());
            }
        }
        try (var written = LanguageModel.open(folder.resolve("q8"))) {
            assertThat(written.spec().sites())
                    .allSatisfy(site -> assertThat(written.weights().linear(site))
                            .isInstanceOfSatisfying(
                                    Linear.Dense.class,
                                    dense -> assertThat(dense.weight().dtype()).isEqualTo(DType.Q8_0)));
            enginesAgree(written);
            MergedExport.write(written, folder.resolve("merged"), Progress.silent());
        }
        try (var merged = LanguageModel.open(folder.resolve("merged"))) {
            assertThat(merged.checkpoint().config().lowrank()).isNull();
        }
    }

    @Test
    void plainRoundingNeedsNoCalibrationAndLosesMore() {
        try (var source = LanguageModel.open(model)) {
            var blocks = new Quantization(DType.Q8_0, true);
            var recipe = CompressionRecipe.of(
                            CompressionRecipe.named("svd", MethodOptions.DEFAULT, share(0.5), 0)
                                    .method(),
                            StoragePolicy.FACTORED,
                            Allocators.of("uniform", AllocatorOptions.DEFAULT),
                            share(0.5),
                            0)
                    .quantized(blocks, 8);
            var job = new Job(recipe, folder.resolve("svd"));
            var report = Compression.run(source, job, null, Unfinished.RESUME, Progress.silent());
            var noted = report.sites().stream()
                    .flatMap(site -> site.notes().stream())
                    .filter(note -> note.contains("no whole blocks of q8_0"))
                    .toList();
            assertThat(noted).as("ranks of multiples of 8 are no whole blocks").isNotEmpty();
        }
    }

    @Test
    void stoppedAnywhereItEndsInTheSameBytes() throws Exception {
        try (var source = LanguageModel.open(model)) {
            var recipe = recipe("lowrank", 0.6, new Quantization(DType.Q4_0, false));
            var steps = new int[1];
            run(source, recipe, "whole", (what, done, total) -> steps[0]++);
            for (var stop = 1; stop <= steps[0]; stop += 2) {
                var left = new int[] {stop};
                var name = "stopped-" + stop;
                assertThatThrownBy(() -> run(source, recipe, name, (what, done, total) -> {
                            if (--left[0] == 0) {
                                throw new Stopped();
                            }
                        }))
                        .isInstanceOf(Stopped.class);
                run(source, recipe, name, Progress.silent());
                assertThat(content(folder.resolve(name)))
                        .as("stopped at %d", stop)
                        .isEqualTo(content(folder.resolve("whole")));
            }
        }
    }

    @Test
    void bytesAreWhatThePlanSaid() {
        try (var source = LanguageModel.open(model)) {
            var recipe = recipe("lowrank", 1, new Quantization(DType.Q4_1, false));
            var plan = CompressionPlan.of(source, recipe, 8, 16);
            var report = run(source, recipe, "out", Progress.silent());
            var sites = report.sites().stream().mapToLong(SiteReport::bytes).sum();
            assertThat(plan.targets().stream().mapToLong(SitePlan::weightBytes).sum())
                    .isEqualTo(sites);
        }
    }

    @Test
    void aTypeThatIsNoneIsRefusedWhenTheFolderIsOpened() throws Exception {
        try (var source = LanguageModel.open(model)) {
            run(source, recipe("lowrank", 1, new Quantization(DType.Q8_0, false)), "out", Progress.silent());
        }
        var config = folder.resolve("out/config.json");
        var text = Files.readString(config);
        Files.writeString(config, text.replaceFirst("q8_0", "q9_9"));
        assertThatThrownBy(() -> LanguageModel.open(folder.resolve("out")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("q9_9");
        Files.writeString(config, text.replaceFirst("q8_0", "q4_k"));
        assertThatThrownBy(() -> LanguageModel.open(folder.resolve("out"))).isInstanceOf(CheckpointException.class);
        var manifest = JsonMapper.builder().build().readTree(folder.resolve("out/lowrank.json"));
        assertThat(manifest.toString()).contains("\"rounding\":{\"types\":{\"weight\":\"q8_0\"}");
    }

    @Test
    void whatNobodyMeasuresIsNoMetric() {
        var blocks = new Quantization(DType.Q8_0, false);
        var standard = CompressionRecipe.named("svd", MethodOptions.DEFAULT, share(0.5), 0);
        assertThatThrownBy(() -> standard.quantized(blocks, 32))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--quantize-plain");
        var shared = CompressionRecipe.named("slicegpt", MethodOptions.DEFAULT, share(0.5), 0);
        assertThatThrownBy(() -> shared.quantized(blocks, 32)).hasMessageContaining("slicegpt");
    }

    private static Budget share(double keep) {
        return new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep));
    }

    private static CompressionRecipe recipe(String method, double keep, Quantization blocks) {
        return CompressionRecipe.named(method, MethodOptions.DEFAULT, share(keep), 3)
                .quantized(blocks, blocks.rankMultiple());
    }

    private CompressionReport run(LanguageModel source, CompressionRecipe recipe, String name, Progress progress) {
        var job = new Job(recipe, folder.resolve(name));
        return Compression.run(source, job, CompressionTest.calibration(), Unfinished.RESUME, progress);
    }

    static TreeMap<String, Integer> content(Path output) throws Exception {
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
