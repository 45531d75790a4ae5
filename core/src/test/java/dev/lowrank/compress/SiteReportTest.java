package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.Factors;
import dev.lowrank.compress.method.MethodInfo;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.method.Problem;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.NoNativeLeaks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/// What a run says of each site is what it did, and everybody is told: report, manifest and budget.
@NoNativeLeaks
class SiteReportTest {
    private static final MethodOptions AS_MEASURED = MethodOptions.DEFAULT.withInputShrinkage(Shrinkage.NONE);

    @TempDir
    private Path folder;

    /// With few tokens every linear with more outputs than inputs needs a ridge, and everybody is told so:
    /// the report, the manifest, and both again after a stop.
    @ParameterizedTest
    @CsvSource({"svd-llm, uniform", "svd-llm, knapsack", "lord, uniform", "kfac-svd, uniform"})
    void everyFallbackIsInReportAndManifest(String method, String allocator) throws Exception {
        try (var source = llama()) {
            var few = CompressedForm.calibration(source, 2, 6);
            var recipe = recipe(method, allocator, AS_MEASURED);
            var stopped = new AtomicInteger();
            Progress killOnce = (what, done, total) -> {
                if (what.equals("compress") && done == 1 && stopped.getAndIncrement() == 0) {
                    throw new Killed();
                }
            };
            var job = new Job(recipe, folder.resolve("out"));
            assertThatThrownBy(() -> Compression.run(source, job, few, Unfinished.RESUME, killOnce))
                    .isInstanceOf(Killed.class);
            var report = Compression.run(source, job, few, Unfinished.RESUME, killOnce);
            assertThat(report.sites())
                    .filteredOn(site ->
                            site.name().endsWith("up_proj") && !site.form().equals("dense"))
                    .isNotEmpty()
                    .allSatisfy(site -> assertThat(site.notes()).anyMatch(note -> note.contains("Cholesky")));
            assertThat(notes(job.output()))
                    .isEqualTo(report.sites().stream().map(SiteReport::notes).toList());
            assertThat(report.warnings()).anyMatch(warning -> warning.contains("Cholesky"));
        }
    }

    @Test
    void aFallbackOfTheCutItselfIsReported() {
        try (var source = llama()) {
            var svd = Methods.site("svd", MethodOptions.DEFAULT);
            var fallible = new SiteMethod() {
                @Override
                public MethodInfo info() {
                    return svd.info();
                }

                @Override
                public Decomposition decompose(Problem problem) {
                    return svd.decompose(problem);
                }

                @Override
                public Factors cut(Decomposition decomposition, int rank) {
                    var factors = svd.cut(decomposition, rank);
                    return new Factors(factors.b(), null, factors.a(), List.of("took another way"));
                }
            };
            var recipe = CompressionRecipe.of(
                    fallible,
                    StoragePolicy.FACTORED,
                    Allocators.of("uniform", AllocatorOptions.DEFAULT),
                    new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.5)),
                    0);
            var report = run(source, recipe, folder.resolve("out"));
            assertThat(report.sites())
                    .allSatisfy(site -> assertThat(site.notes()).contains("took another way"));
            assertThat(notes(folder.resolve("out"))).allMatch(notes -> notes.contains("took another way"));
            assertThat(report.warnings())
                    .as("not one for every site")
                    .hasSizeLessThan(6)
                    .anyMatch(warning -> warning.contains("more sites have notes"));
        }
    }

    private static List<List<String>> notes(Path output) {
        var sites = JsonMapper.builder()
                .build()
                .readTree(output.resolve(Manifest.FILE_NAME))
                .path("run")
                .path("sites");
        return sites.valueStream()
                .map(site -> site.path("notes")
                        .valueStream()
                        .map(note -> note.asString())
                        .toList())
                .toList();
    }

    @Test
    void shrinkageIsRecordedAndTheSameSeedGivesTheSameBytes() throws Exception {
        try (var source = llama()) {
            var drawn = recipe("kfac-svd", "uniform", MethodOptions.DEFAULT.withInputShrinkage(new Shrinkage(0.25)));
            var first = run(source, drawn, folder.resolve("first"));
            run(source, drawn, folder.resolve("second"));
            run(source, recipe("kfac-svd", "uniform", AS_MEASURED), folder.resolve("plain"));
            assertThat(first.sites())
                    .filteredOn(site -> !site.form().equals("dense"))
                    .isNotEmpty()
                    .allSatisfy(site -> assertThat(site.notes())
                            .anyMatch(note -> note.contains("drawn 0.25") && note.contains("128 tokens")));
            assertThat(weights("first")).isEqualTo(weights("second")).isNotEqualTo(weights("plain"));
        }
    }

    /// 1024 tokens are enough for every channel of the fixture, 128 are not.
    @ParameterizedTest
    @CsvSource({"svd-llm", "lord", "kfac-svd"})
    void theDefaultShrinksOnlyWhereTokensAreFew(String method) throws Exception {
        try (var source = llama()) {
            var text = CompressedForm.calibration(source, 64, 16);
            var estimated = new Job(recipe(method, "uniform", MethodOptions.DEFAULT), folder.resolve("default"));
            var measured = new Job(recipe(method, "uniform", AS_MEASURED), folder.resolve("measured"));
            var report = Compression.run(source, estimated, text, Unfinished.RESUME, Progress.silent());
            Compression.run(source, measured, text, Unfinished.RESUME, Progress.silent());
            assertThat(report.sites())
                    .allSatisfy(site -> assertThat(site.notes()).isEmpty());
            assertThat(weights("default")).isEqualTo(weights("measured"));
            var few = run(source, estimated.recipe(), folder.resolve("few"));
            assertThat(few.sites())
                    .anySatisfy(site -> assertThat(site.notes()).anyMatch(note -> note.contains("identity")));
        }
    }

    /// A site costs what it stores, a bias that it gained included.
    @ParameterizedTest
    @CsvSource({
        "lord, uniform",
        "lord, knapsack",
        "kfac-svd, uniform",
        "kfac-svd, knapsack",
        "svd-llm, zs-svd",
        "asvd, energy"
    })
    void gainedBiasesAreWithinTheBudget(String method, String allocator) {
        try (var source = llama()) {
            var recipe = recipe(method, allocator, MethodOptions.DEFAULT.withCentred(true));
            var plan = CompressionPlan.of(source, recipe, 8, 16);
            var report = run(source, recipe, folder.resolve("out"));
            try (var reopened = LanguageModel.open(folder.resolve("out"))) {
                var removed = source.weights().parameters() - reopened.weights().parameters();
                var before = plan.targetParametersBefore();
                assertThat(before - removed).isLessThanOrEqualTo((long) (0.6 * before));
                assertThat(report.keptTarget()).isEqualTo((before - removed) / (double) before);
                assertThat(reopened.weights().names()).contains("model.layers.0.mlp.up_proj.bias");
                if (allocator.equals("uniform")) {
                    assertThat(plan.parametersAfter())
                            .isEqualTo(reopened.weights().parameters());
                    var bytes = reopened.checkpoint().names().stream()
                            .map(reopened.checkpoint()::info)
                            .mapToLong(info ->
                                    info.shape().elements() * info.dtype().bytes())
                            .sum();
                    assertThat(plan.bytesAfter()).isEqualTo(bytes);
                }
            }
        }
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private static LanguageModel llama() {
        return LanguageModel.open(Path.of("src/test/resources/golden/models/llama-gqa-tied"));
    }

    private static CompressionRecipe recipe(String method, String allocator, MethodOptions options) {
        return CompressionRecipe.of(
                Methods.of(method, options),
                StoragePolicy.PIVOTED,
                Allocators.of(allocator, AllocatorOptions.DEFAULT),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.6)),
                0);
    }

    private static CompressionReport run(LanguageModel source, CompressionRecipe recipe, Path output) {
        var text = CompressedForm.calibration(source, 8, 16);
        return Compression.run(source, new Job(recipe, output), text, Unfinished.RESUME, Progress.silent());
    }

    private byte[] weights(String output) throws IOException {
        return Files.readAllBytes(folder.resolve(output).resolve("model.safetensors"));
    }
}
