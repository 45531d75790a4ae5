package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.allocate.Allocator;
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
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a run that is stopped does again, and what it does not.
@NoNativeLeaks
class ResumeTest {
    private static final Path MODEL = Path.of("src/test/resources/golden/models/llama-gqa-tied");

    @TempDir
    private Path folder;

    @Test
    void noTrialIsRepeatedWhereverARunIsStopped() throws Exception {
        try (var source = LanguageModel.open(MODEL)) {
            var recipe = recipe("svd-llm", share("bolaco", 0.7), null, null);
            var whole = new Steps(-1);
            run(source, List.of(job(recipe, "whole")), whole);
            assertThat(whole.count("trials")).isGreaterThan(3);
            for (var stop = 1; stop <= whole.all.size(); stop++) {
                var first = new Steps(stop);
                var jobs = List.of(job(recipe, "stopped-" + stop));
                assertThatThrownBy(() -> run(source, jobs, first)).isInstanceOf(Stopped.class);
                var second = new Steps(-1);
                run(source, jobs, second);
                assertThat(first.count("trials") + second.count("trials"))
                        .as("trials with a stop at %d", stop)
                        .isEqualTo(whole.count("trials"));
                assertThat(content(jobs.getFirst().output())).isEqualTo(content(folder.resolve("whole")));
            }
        }
    }

    @Test
    void finishedBlocksKeepThePlanThatTheyStandOn() throws Exception {
        try (var source = LanguageModel.open(MODEL)) {
            var recipe = recipe("svd-llm", share("bolaco", 0.7), null, null);
            run(source, List.of(job(recipe, "whole")), new Steps(-1));
            var jobs = List.of(job(recipe, "out"));
            assertThatThrownBy(() -> run(source, jobs, (what, done, total) -> {
                        if (what.equals("compress") && done == 1) {
                            throw new Stopped();
                        }
                    }))
                    .isInstanceOf(Stopped.class);
            try (var files = Files.walk(folder.resolve("out.partial"))) {
                for (var file : files.filter(
                                each -> each.getFileName().toString().startsWith("trials-"))
                        .toList()) {
                    Files.delete(file);
                }
            }
            var resumed = new Steps(-1);
            run(source, jobs, resumed);
            assertThat(resumed.count("trials")).isZero();
            assertThat(content(folder.resolve("out"))).isEqualTo(content(folder.resolve("whole")));
        }
    }

    @Test
    void jobsThatShareADecompositionShareTheirTrials() {
        try (var source = LanguageModel.open(MODEL)) {
            var one = new Steps(-1);
            run(source, List.of(job(recipe("svd-llm", share("asvd", 0.7), null, null), "one")), one);
            var two = new Steps(-1);
            run(
                    source,
                    List.of(
                            job(recipe("svd-llm", share("asvd", 0.7), null, null), "first"),
                            job(recipe("svd-llm", share("asvd", 0.6), null, null), "second")),
                    two);
            assertThat(two.count("trials")).isEqualTo(one.count("trials"));
        }
    }

    @Test
    void severalJobsStoppedAnywhereEndInTheSameBytes() throws Exception {
        try (var source = LanguageModel.open(MODEL)) {
            var recipes = List.of(
                    recipe("svd-llm", share("knapsack", 0.6), null, null),
                    recipe("kfac-svd", share("knapsack", 0.5), SequentialUpdate.DEFAULT, null),
                    recipe("svd", share("uniform", 0.5), null, null));
            var whole = new Steps(-1);
            run(source, jobs(recipes, "whole"), whole);
            assertThat(whole.count("finish")).isEqualTo(3);
            for (var stop = 1; stop <= whole.all.size(); stop++) {
                var jobs = jobs(recipes, "stopped-" + stop);
                var left = new Steps(stop);
                assertThatThrownBy(() -> run(source, jobs, left)).isInstanceOf(Stopped.class);
                var reports = run(source, jobs, new Steps(-1));
                for (var i = 0; i < recipes.size(); i++) {
                    assertThat(content(jobs.get(i).output()))
                            .as("job %d stopped at %d", i, stop)
                            .isEqualTo(content(folder.resolve("whole-" + i)));
                    assertThat(reports.get(i).sites()).hasSize(14);
                }
            }
        }
    }

    @Test
    void aRecipeMayJoinAnUnfinishedRun() throws Exception {
        try (var source = LanguageModel.open(MODEL)) {
            var first = recipe("svd-llm", share("knapsack", 0.6), null, null);
            var other = recipe("lord", share("knapsack", 0.6), null, null);
            run(source, List.of(job(other, "alone")), new Steps(-1));
            assertThatThrownBy(() -> run(source, List.of(job(first, "first")), (what, done, total) -> {
                        if (what.equals("compress")) {
                            throw new Stopped();
                        }
                    }))
                    .isInstanceOf(Stopped.class);
            run(source, List.of(job(first, "first"), job(other, "second")), new Steps(-1));
            assertThat(content(folder.resolve("second"))).isEqualTo(content(folder.resolve("alone")));
        }
    }

    @Test
    void aFinishedOutputThatWasChangedOrMadeOtherwiseIsNotTaken() throws Exception {
        try (var source = LanguageModel.open(MODEL)) {
            var recipes = List.of(
                    recipe("svd", share("uniform", 0.6), null, null), recipe("svd", share("uniform", 0.5), null, null));
            run(source, jobs(recipes, "out"), new Steps(-1));
            assertThat(run(source, jobs(recipes, "out"), new Steps(-1))).hasSize(2);
            var swapped = jobs(recipes.reversed(), "out");
            assertThatThrownBy(() -> run(source, swapped, new Steps(-1)))
                    .isInstanceOfSatisfying(
                            CheckpointException.class, e -> assertThat(e.code()).isEqualTo(Code.OUT_EXISTS));
            Files.writeString(folder.resolve("out-0").resolve("config.json"), "{}");
            assertThatThrownBy(() -> run(source, jobs(recipes, "out"), new Steps(-1)))
                    .hasMessageContaining("changed since");
        }
    }

    @Test
    void aBoundHoldsForTheModelThatIsWrittenWhereverTheRunIsStopped() throws Exception {
        try (var source = LanguageModel.open(MODEL)) {
            var bound = new WithinBound(
                    Allocators.of("knapsack", AllocatorOptions.DEFAULT),
                    CostUnit.PARAMETERS,
                    new PerplexityIncrease(0.02));
            var recipe = recipe("kfac-svd", bound, SequentialUpdate.DEFAULT, null);
            var whole = new Steps(-1);
            var report = run(source, List.of(job(recipe, "whole")), whole).getFirst();
            var validated = report.validated();
            assertThat(validated).isNotNull();
            assertThat(validated.increase()).isLessThanOrEqualTo(0.02);
            assertThat(report.keptTarget()).isLessThan(1);
            assertThat(validated.before()).isCloseTo(perplexity(MODEL, own(source, 0)), close());
            assertThat(validated.after()).isCloseTo(perplexity(folder.resolve("whole"), own(source, 0)), close());
            assertThat(whole.count("decompose")).as("decomposed once").isEqualTo(3);
            assertThat(whole.count("validate"))
                    .as("begun and ended")
                    .isEqualTo(2L * validated.rounds().size());
            var written = Manifest.read(folder.resolve("whole")).run().path("validated");
            assertThat(written.path("after").asDouble()).isEqualTo(validated.after());
            for (var stop = 1; stop <= whole.all.size(); stop++) {
                var jobs = List.of(job(recipe, "stopped-" + stop));
                var left = new Steps(stop);
                assertThatThrownBy(() -> run(source, jobs, left)).isInstanceOf(Stopped.class);
                run(source, jobs, new Steps(-1));
                assertThat(content(jobs.getFirst().output()))
                        .as("stopped at %d", stop)
                        .isEqualTo(content(folder.resolve("whole")));
            }
        }
    }

    /// Text that the model finds likely, so that cuts do harm: its own greedy continuations of one token.
    private static ValidationSet own(LanguageModel source, int seed) {
        var windows = new ArrayList<int[]>();
        try (var decoder = TorchDecoder.load(source, Residency.RESIDENT)) {
            for (var first = 0; first < 3; first++) {
                var window = new int[] {(7 + 31 * first + 11 * seed) % 96};
                while (window.length < 16) {
                    var tokens = List.of(window);
                    var last = window.length - 1;
                    var logits = TensorScope.tidy(() ->
                            decoder.logits(tokens).select(0, 0).select(0, last).toFloats());
                    var best = 0;
                    for (var token = 1; token < logits.length; token++) {
                        best = logits[token] > logits[best] ? token : best;
                    }
                    window = Arrays.copyOf(window, window.length + 1);
                    window[window.length - 1] = best;
                }
                windows.add(window);
            }
        }
        return ValidationSet.of(windows, DenseStreamTest.validation().identity());
    }

    private static Offset<Double> close() {
        return Offset.offset(1e-3);
    }

    private static double perplexity(Path model, ValidationSet text) {
        return TensorScope.tidy(() -> {
            try (var opened = LanguageModel.open(model);
                    var decoder = TorchDecoder.load(opened, Residency.RESIDENT)) {
                var sum = 0.0;
                var windows = text.windows();
                for (var window : windows) {
                    var logits = decoder.logits(List.of(window)).select(0, 0);
                    var losses = Functional.crossEntropy(logits, CalibrationStream.next(window, 0, window.length));
                    sum += losses.to(DType.F64).sum().item() / (window.length - 1);
                }
                return Math.exp(sum / windows.size());
            }
        });
    }

    /// Hears every step and stops at one.
    private static final class Steps implements Progress {
        private final List<String> all = new ArrayList<>();
        private final int stop;

        Steps(int stop) {
            this.stop = stop;
        }

        @Override
        public void step(String what, long done, long total) {
            all.add(what);
            if (all.size() == stop) {
                throw new Stopped();
            }
        }

        long count(String what) {
            return all.stream().filter(what::equals).count();
        }
    }

    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private record Spending(Allocator allocator, Budget budget) {}

    private static Spending share(String allocator, double keep) {
        return new Spending(
                Allocators.of(allocator, new AllocatorOptions(64, Double.NaN, 0, 6, null, 0, Double.NaN)),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep)));
    }

    private static CompressionRecipe recipe(
            String method, WithinBound bound, @Nullable SequentialUpdate update, @Nullable DType dtype) {
        return recipe(method, new Spending(bound, new Budget.Unbounded(CostUnit.PARAMETERS)), update, dtype);
    }

    private static CompressionRecipe recipe(
            String method, Spending spending, @Nullable SequentialUpdate update, @Nullable DType dtype) {
        return new CompressionRecipe(
                method,
                Methods.of(method, MethodOptions.DEFAULT),
                TargetStorage.plain(StoragePolicy.PIVOTED),
                spending.allocator(),
                spending.budget(),
                1,
                Set.of(),
                Set.of(),
                update,
                dtype,
                0);
    }

    private Job job(CompressionRecipe recipe, String name) {
        return new Job(recipe, folder.resolve(name));
    }

    private List<Job> jobs(List<CompressionRecipe> recipes, String name) {
        var jobs = new ArrayList<Job>();
        for (var i = 0; i < recipes.size(); i++) {
            jobs.add(job(recipes.get(i), name + "-" + i));
        }
        return jobs;
    }

    private static List<CompressionReport> run(LanguageModel source, List<Job> jobs, Progress progress) {
        return Compression.runAll(
                source, jobs, CompressionTest.calibration(), own(source, 0), Unfinished.RESUME, progress);
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
}
