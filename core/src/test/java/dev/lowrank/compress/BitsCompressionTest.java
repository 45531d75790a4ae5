package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.DType;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.SyntheticLlama;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/// Models whose sites get a rank and a type each.
@NoNativeLeaks
class BitsCompressionTest {
    private static final SyntheticLlama.Size SIZE = new SyntheticLlama.Size(128, 2, 4, 2, 256, 96);

    @TempDir
    private Path folder;

    private Path model;

    @BeforeEach
    void writeModel() throws Exception {
        model = folder.resolve("source");
        SyntheticLlama.write(model, SIZE, 1);
    }

    private static Budget bytes(double keep) {
        return new Budget.Share(CostUnit.BYTES, KeepRatio.keep(keep));
    }

    private static CompressionRecipe recipe(String method, double keep) {
        return CompressionRecipe.named(method, MethodOptions.DEFAULT, bytes(keep), 3);
    }

    private CompressionReport run(LanguageModel source, CompressionRecipe recipe, String name, Progress progress) {
        var job = new Job(recipe, folder.resolve(name));
        return Compression.run(source, job, CompressionTest.calibration(), Unfinished.RESUME, progress);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.13, 0.2, 0.35})
    void theTargetsFitTheirBytesAndBothEnginesReadThem(double keep) {
        try (var source = LanguageModel.open(model)) {
            var recipe = recipe("lowrank", keep).choosing(Bits.standard(false));
            var report = run(source, recipe, "out", Progress.silent());
            var dense = source.spec()
                    .sites()
                    .mapToLong(site -> site.weightParameters() * 2)
                    .sum();
            assertThat(report.sites().stream().mapToLong(SiteReport::bytes).sum())
                    .isLessThanOrEqualTo((long) (keep * dense))
                    .isGreaterThan((long) (keep * dense * 0.85));
            assertThat(report.sites()).allSatisfy(site -> {
                assertThat(site.mark()).isIn("q4_0", "q4_k", "q6_k", "q8_0", "plain");
                if (site.rounding() == null) {
                    assertThat(site.mark()).isEqualTo("plain");
                } else {
                    assertThat(site.rounding().types().values())
                            .anyMatch(type ->
                                    type.equals(site.mark()) || site.mark().endsWith("_k"));
                }
            });
            assertThat(report.allocation()).anyMatch(note -> note.startsWith("types chosen: "));
            assertThat(report.warnings()).noneMatch(warning -> warning.contains("no whole blocks"));
        }
        try (var written = LanguageModel.open(folder.resolve("out"))) {
            QuantizedCompressionTest.enginesAgree(written);
        }
    }

    @Test
    void theWholeModelFitsItsBytes() {
        try (var source = LanguageModel.open(model)) {
            var recipe = WeightBudget.of(source, recipe("lowrank", 0.5).choosing(Bits.standard(false)), 250_000);
            var report = run(source, recipe, "out", Progress.silent());
            assertThat(report.bytesAfter()).isBetween(200_000L, 250_000L);
        }
    }

    @Test
    void stoppedAnywhereItEndsInTheSameBytes() throws Exception {
        try (var source = LanguageModel.open(model)) {
            var recipe = recipe("lowrank", 0.16).choosing(Bits.standard(false));
            var steps = new int[1];
            run(source, recipe, "whole", (what, done, total) -> steps[0]++);
            var whole = QuantizedCompressionTest.content(folder.resolve("whole"));
            run(source, recipe, "again", Progress.silent());
            assertThat(QuantizedCompressionTest.content(folder.resolve("again")))
                    .isEqualTo(whole);
            for (var stop = 1; stop <= steps[0]; stop += 3) {
                var left = new int[] {stop};
                var name = "stopped-" + stop;
                assertThatThrownBy(() -> run(source, recipe, name, (what, done, total) -> {
                            if (--left[0] == 0) {
                                throw new Stopped();
                            }
                        }))
                        .isInstanceOf(Stopped.class);
                run(source, recipe, name, Progress.silent());
                assertThat(QuantizedCompressionTest.content(folder.resolve(name)))
                        .as("stopped at %d", stop)
                        .isEqualTo(whole);
            }
            var manifest = JsonMapper.builder().build().readTree(folder.resolve("whole/lowrank.json"));
            assertThat(manifest.toString()).contains("\"bits\":\"Bits[types=[", "\"mark\":\"q4_0\"");
        }
    }

    @Test
    void theChoicePredictsNoMoreThanAnyOfItsTypesAlone() {
        try (var source = LanguageModel.open(model)) {
            var auto = Bits.standard(false);
            var both = predicted(source, auto);
            for (var type : auto.types()) {
                var one = predicted(source, new Bits(List.of(type), false, false));
                assertThat(both).as(type.name()).isLessThanOrEqualTo(one + 1e-12);
            }
        }
    }

    private double predicted(LanguageModel source, Bits bits) {
        return Compression.measure(
                        source,
                        new Job(
                                recipe("lowrank", 0.25).choosing(bits),
                                folder.resolve(bits.id().toLowerCase(Locale.ROOT))),
                        CompressionTest.calibration(),
                        null,
                        Unfinished.RESUME,
                        Progress.silent(),
                        measured -> Map.of())
                .predictedLoss();
    }

    @Test
    void besideOthersItWritesWhatItWritesAlone() throws Exception {
        try (var source = LanguageModel.open(model)) {
            var recipes = List.of(
                    recipe("lowrank", 0.16).choosing(Bits.standard(false)),
                    recipe("lowrank", 0.5),
                    recipe("lowrank", 0.2).choosing(new Bits(List.of(DType.Q4_0, DType.Q8_0), false, false)));
            var jobs = List.of(
                    new Job(recipes.get(0), folder.resolve("a")),
                    new Job(recipes.get(1), folder.resolve("b")),
                    new Job(recipes.get(2), folder.resolve("c")));
            Compression.runAll(source, jobs, CompressionTest.calibration(), null, Unfinished.RESUME, Progress.silent());
            for (var i = 0; i < 3; i++) {
                run(source, recipes.get(i), "alone-" + i, Progress.silent());
                assertThat(QuantizedCompressionTest.content(folder.resolve("alone-" + i)))
                        .isEqualTo(QuantizedCompressionTest.content(jobs.get(i).output()));
            }
        }
    }

    @Test
    void roundedToTheNearestItNeedsNoUpdate() {
        try (var source = LanguageModel.open(model)) {
            var knapsack = Allocators.of("knapsack", AllocatorOptions.DEFAULT);
            var svd = recipe("svd-llm", 0.3);
            var plain = svd.withAllocator(knapsack, bytes(0.3)).choosing(Bits.standard(true));
            var report = run(source, plain, "out", Progress.silent());
            assertThat(report.sites())
                    .allMatch(
                            site -> site.rounding() == null || !site.rounding().feedback());
            assertThat(report.sites()).anyMatch(site -> site.rounding() != null);
        }
    }

    @Test
    void whatCannotChooseTypesIsRefused() {
        var auto = Bits.standard(false);
        var plain = Bits.standard(true);
        assertThatThrownBy(() -> recipe("svd-llm", 0.5).choosing(plain))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("uniform")
                .hasMessageContaining("--allocate knapsack");
        assertThatThrownBy(() -> recipe("svd-llm", 0.5).choosing(auto)).hasMessageContaining("--quantize-plain");
        assertThatThrownBy(() -> recipe("svd", 0.5).choosing(plain)).hasMessageContaining("second moment");
        assertThatThrownBy(() -> recipe("slicegpt", 0.5).choosing(plain)).hasMessageContaining("slicegpt");
        var parameters = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.5));
        assertThatThrownBy(() -> recipe("lowrank", 0.5).withBudget(parameters).choosing(auto))
                .hasMessageContaining("budget in bytes");
        var one = new Quantization(DType.Q4_0, false);
        assertThat(recipe("lowrank", 0.5)
                        .choosing(auto)
                        .quantized(one, 32)
                        .storage()
                        .bits())
                .isNull();
    }

    @Test
    void theCommandIsTold() {
        var arguments = RecipeArguments.of(recipe("lowrank", 0.5).choosing(Bits.of(List.of("q4_0", "plain"), false)));
        assertThat(arguments).containsSequence("--bits", "q4_0,plain").doesNotContain("--quantize-plain");
        assertThat(arguments).containsSequence("--count", "bytes");
    }

    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;
    }
}
