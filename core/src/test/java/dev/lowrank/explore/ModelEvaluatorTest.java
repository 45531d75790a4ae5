package dev.lowrank.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.Candidates;
import dev.lowrank.compress.Compression;
import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.GivenRanks;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.evaluate.Perplexity;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.model.Role;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.EvaluationSet;
import dev.lowrank.text.TextIdentity;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NoNativeLeaks
class ModelEvaluatorTest {
    private static final Path MODEL = Path.of("src/test/resources/golden/models/llama-gqa-tied");

    @TempDir
    private Path folder;

    private static List<int[]> windows(int seed, int count) {
        var random = new SplittableRandom(seed);
        var windows = new ArrayList<int[]>();
        for (var i = 0; i < count; i++) {
            windows.add(random.ints(16, 0, 96).toArray());
        }
        return windows;
    }

    private static TextIdentity identity(String name, int count) {
        return new TextIdentity(
                List.of(new TextIdentity.Source(name, "sha of " + name, 16L * count)),
                "drawn",
                16,
                count,
                0,
                16L * count);
    }

    private static CalibrationSet calibration() {
        return CalibrationSet.of(windows(1, 8), identity("calibration", 8));
    }

    private static EvaluationSet text() {
        return EvaluationSet.of(windows(2, 4), identity("text", 4));
    }

    private static CompressionRecipe recipe(String method, StoragePolicy storage, Allocator allocator) {
        return CompressionRecipe.of(
                Methods.of(method, MethodOptions.DEFAULT), storage, allocator, new Budget.Unbounded(CostUnit.BYTES), 3);
    }

    private static Allocator energy() {
        return Allocators.of("energy", AllocatorOptions.DEFAULT);
    }

    private interface Work {
        void with(LanguageModel model, ModelEvaluator evaluator, Candidates candidates) throws Exception;
    }

    private void evaluating(String method, StoragePolicy storage, Work work) throws Exception {
        var job = new Job(recipe(method, storage, energy()), folder.resolve("work"));
        try (var model = LanguageModel.open(MODEL);
                var candidates = Candidates.open(model, job, calibration(), Progress.silent());
                var cache = EvaluationCache.open(folder.resolve("results.jsonl"));
                var evaluator = new ModelEvaluator(
                        model,
                        candidates,
                        List.of(new PerplexityMeter("perplexity", text())),
                        cache,
                        new ModelEvaluator.Setup(
                                method, Residency.RESIDENT, new SpeedPlan(new int[] {1, 2, 3, 4}, 4, 1)),
                        Progress.silent())) {
            work.with(model, evaluator, candidates);
            candidates.discard();
        }
    }

    private static Configuration some(LanguageModel model, int rank) {
        var ranks = new TreeMap<String, Integer>();
        model.spec().sites().filter(site -> site.layer() == 1).forEach(site -> ranks.put(site.name(), rank));
        return new Configuration(ranks);
    }

    @ParameterizedTest
    @CsvSource({"tucker,TUCKER", "tucker,AUTO", "svd,FACTORED", "svd-llm,PIVOTED", "kfac-svd,AUTO"})
    void whatIsMeasuredIsWhatCompressWrites(String method, StoragePolicy storage) throws Exception {
        evaluating(method, storage, (model, evaluator, candidates) -> {
            var configuration = evaluator.canonical(some(model, 5));
            assertThat(configuration.ranks()).isNotEmpty();
            var found = evaluator.evaluate(configuration);
            var stored = evaluator.stored(configuration, List.of(new PerplexityMeter("perplexity", text())));
            var output = folder.resolve("written");
            var given = new GivenRanks(configuration.ranks(), "here");
            var report = Compression.run(
                    model,
                    new Job(recipe(method, storage, given), output),
                    calibration(),
                    Unfinished.DISCARD,
                    Progress.silent());
            assertThat(report.parametersAfter()).isEqualTo(found.size().parameters());
            try (var written = LanguageModel.open(output);
                    var decoder = TorchDecoder.load(written, Residency.RESIDENT)) {
                var value =
                        Perplexity.measure(decoder, text(), Progress.silent()).value();
                assertThat(stored.get("perplexity")).isEqualTo(value);
                assertThat(found.require("perplexity")).isCloseTo(value, within(1e-3 * value));
                assertThat(written.checkpoint().weightBytes() - found.size().bytes())
                        .as("bytes of the file's header")
                        .isBetween(100L, 8192L);
            }
        });
    }

    @Test
    void nothingIsMeasuredTwiceNotEvenByAnotherRun() throws Exception {
        evaluating("svd", StoragePolicy.AUTO, (model, evaluator, candidates) -> {
            for (var rank : new int[] {3, 4, 3, 4}) {
                evaluator.evaluate(some(model, rank));
            }
            evaluator.evaluate(Configuration.DENSE);
            evaluator.speed(some(model, 3));
            assertThat(evaluator.evaluated()).isEqualTo(4);
        });
        var before = Files.readString(folder.resolve("results.jsonl"));
        evaluating("svd", StoragePolicy.AUTO, (model, evaluator, candidates) -> {
            evaluator.evaluate(some(model, 4));
            assertThat(evaluator.speed(some(model, 3)).latency()).isPositive();
            assertThat(evaluator.evaluated()).isZero();
        });
        assertThat(Files.readString(folder.resolve("results.jsonl"))).isEqualTo(before);
        evaluating("tucker", StoragePolicy.AUTO, (model, evaluator, candidates) -> {
            evaluator.evaluate(some(model, 4));
            assertThat(evaluator.evaluated()).as("another method").isEqualTo(1);
        });
    }

    @Test
    void whereARankSavesNothingASiteIsDense() throws Exception {
        evaluating("svd", StoragePolicy.FACTORED, (model, evaluator, candidates) -> {
            // q_proj [32, 32]: 16 · 64 = 32 · 32; up_proj [72, 32]: 16 · 104 < 72 · 32
            assertThat(evaluator.canonical(some(model, 16)).cut(candidates.sites()))
                    .extracting(LinearSite::role)
                    .containsExactly(Role.GATE_PROJ, Role.UP_PROJ, Role.DOWN_PROJ);
        });
    }
}
