package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.FolderVerification;
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
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.Role;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.SyntheticLlama;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Methods that look at more than one linear, from the budget to a folder that reopens.
@NoNativeLeaks
class WholeMethodsTest {
    private static final Path MODELS = Path.of("src/test/resources/golden/models");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "modegpt, llama-gqa-tied, 0.6",
        "modegpt, llama-rope-llama3-biased, 0.6",
        "modegpt, qwen2-tied, 0.6",
        "modegpt, qwen2-tied, 0.3",
        "basis-sharing, llama-gqa-tied, 0.5",
        "basis-sharing, llama-rope-llama3-biased, 0.5",
        "basis-sharing, qwen2-tied, 0.5",
        "basis-sharing, gpt2, 0.5",
        "basis-sharing, gpt_bigcode-multi-head, 0.5",
        "shortgpt, llama-gqa-tied, 0.5",
        "shortgpt, llama-rope-llama3-biased, 0.5",
        "shortgpt, qwen2-tied, 0.5",
        "shortgpt, gpt2, 0.5",
        "shortgpt, gpt_bigcode-multi-query, 0.5",
        "slicegpt, llama-gqa-tied, 0.5",
        "slicegpt, llama-gqa-tied, 0.65",
        "slicegpt, llama-rope-llama3-biased, 0.5",
        "slicegpt, llama-rope-yarn, 0.7",
        "slicegpt, qwen2-tied, 0.5"
    })
    void aFolderMeetsTheBudgetAndBothEnginesRunIt(String method, String model, double keep) {
        try (var source = LanguageModel.open(MODELS.resolve(model))) {
            var output = folder.resolve("out");
            var recipe = recipe(method, keep);
            var plan = CompressionPlan.of(source, recipe, 8, 16);
            var report = run(source, recipe, output, Progress.silent());
            assertThat(report.keptTarget()).isLessThanOrEqualTo(keep).isGreaterThan(keep - 0.1);
            assertThat((double) plan.targetParametersAfter() / plan.targetParametersBefore())
                    .isLessThanOrEqualTo(keep)
                    .isGreaterThan(keep - 0.1);
            assertThat(report.sites())
                    .extracting(SiteReport::name)
                    .containsExactlyElementsOf(
                            source.spec().sites().map(site -> site.name()).toList());
            assertThat(FolderVerification.verify(output).status()).isEqualTo(FolderVerification.Status.INTACT);
            try (var reopened = LanguageModel.open(output)) {
                assertThat(reopened.weights().parameters()).isEqualTo(report.parametersAfter());
                assertThat(reopened.checkpoint().weightBytes()).isEqualTo(report.bytesAfter());
                assertThat(reopened.spec()
                                .sites()
                                .mapToLong(site -> site.weightParameters())
                                .sum())
                        .isGreaterThan(0);
                enginesAgree(reopened);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"modegpt", "basis-sharing", "shortgpt", "sleb", "slicegpt"})
    void aRunKilledAtAnyProgressEndsInTheSameBytes(String method) throws Exception {
        var path = folder.resolve("source");
        SyntheticLlama.write(path, new SyntheticLlama.Size(32, 5, 4, 2, 48, 64), 3);
        try (var source = LanguageModel.open(path)) {
            var recipe = recipe(method, 0.6);
            var whole = folder.resolve("whole");
            var steps = new AtomicInteger();
            run(source, recipe, whole, (what, done, total) -> steps.incrementAndGet());
            assertThat(steps.get()).isGreaterThan(3);
            for (var stop = 1; stop <= steps.get(); stop++) {
                var output = folder.resolve("stopped-" + stop);
                var left = new AtomicInteger(stop);
                assertThatThrownBy(() -> run(source, recipe, output, (what, done, total) -> {
                            if (left.decrementAndGet() == 0) {
                                throw new Killed();
                            }
                        }))
                        .isInstanceOf(Killed.class);
                run(source, recipe, output, Progress.silent());
                assertThat(hashes(output)).as("stopped at %d", stop).isEqualTo(hashes(whole));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa-tied", "llama-rope-llama3-biased", "qwen2-tied"})
    void modegptAtTheWidthsOfTheModelIsTheModel(String model) {
        try (var source = LanguageModel.open(MODELS.resolve(model))) {
            run(source, recipe("modegpt", 1.0), folder.resolve("all"), Progress.silent());
            try (var all = LanguageModel.open(folder.resolve("all"))) {
                assertThat(all.checkpoint().config().lowrank()).isNull();
                assertThat(difference(source, all)).isLessThan(1e-6);
            }
        }
    }

    @Test
    void moreBudgetComesNearerToTheModel() {
        try (var source = llama()) {
            for (var method : List.of("modegpt", "basis-sharing", "slicegpt")) {
                var before = Double.MAX_VALUE;
                for (var keep : new double[] {0.3, 0.6, 0.9}) {
                    var output = folder.resolve(method + keep);
                    run(source, recipe(method, keep), output, Progress.silent());
                    try (var cut = LanguageModel.open(output)) {
                        var now = difference(source, cut);
                        assertThat(now).as(method + " at " + keep).isLessThan(before);
                        before = now;
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "modegpt, llama-gqa-tied",
        "modegpt, llama-rope-llama3-biased",
        "modegpt, qwen2-tied",
        "basis-sharing, qwen2-tied",
        "basis-sharing, gpt2"
    })
    void theMergedFolderIsPlainAndComputesTheSame(String method, String model) {
        try (var source = LanguageModel.open(MODELS.resolve(model))) {
            run(source, recipe(method, 0.5), folder.resolve("cut"), Progress.silent());
            try (var cut = LanguageModel.open(folder.resolve("cut"))) {
                MergedExport.write(cut, folder.resolve("merged"), Progress.silent());
                try (var merged = LanguageModel.open(folder.resolve("merged"))) {
                    assertThat(merged.checkpoint().config().lowrank()).isNull();
                    assertThat(merged.weights().parameters())
                            .isEqualTo(source.weights().parameters());
                    assertThat(difference(cut, merged)).isLessThan(1e-5);
                }
            }
        }
    }

    @Test
    void aModelWithoutSomeBlocksIsAPlainModelOfFewerLayers() throws Exception {
        var path = folder.resolve("source");
        SyntheticLlama.write(path, new SyntheticLlama.Size(32, 6, 4, 2, 48, 64), 5);
        try (var source = LanguageModel.open(path)) {
            for (var method : List.of("shortgpt", "sleb")) {
                var output = folder.resolve(method);
                var report = run(source, recipe(method, 0.7), output, Progress.silent());
                assertThat(report.allocation()).hasSize(2).allMatch(note -> note.startsWith("removed block "));
                assertThat(report.sites())
                        .filteredOn(site -> site.form().equals("removed"))
                        .hasSize(14);
                assertThat(report.allocator()).isEqualTo(method);
                try (var cut = LanguageModel.open(output)) {
                    assertThat(cut.spec().blocks()).hasSize(4);
                    assertThat(cut.checkpoint().config().lowrank()).isNull();
                    assertThat(output.resolve("lowrank_layers.py")).doesNotExist();
                    assertThatThrownBy(() -> MergedExport.write(cut, folder.resolve("merged"), Progress.silent()))
                            .isInstanceOf(CheckpointException.class)
                            .hasMessageContaining("dense already");
                }
            }
        }
    }

    @Test
    void narrowedMatricesHaveTheRankMultiple() throws Exception {
        var path = folder.resolve("source");
        SyntheticLlama.write(path, new SyntheticLlama.Size(64, 3, 4, 2, 92, 64), 5);
        try (var source = LanguageModel.open(path)) {
            var plain = recipe("modegpt", "uniform", 0.7);
            var report =
                    run(source, multiple(plain, StoragePolicy.AUTO, 8), folder.resolve("eight"), Progress.silent());
            assertThat(report.keptTarget()).isLessThanOrEqualTo(0.7).isGreaterThan(0.55);
            try (var cut = LanguageModel.open(folder.resolve("eight"))) {
                assertThat(cut.spec().sites())
                        .allMatch(site -> site.out() % 8 == 0)
                        .allMatch(site -> site.in() % 8 == 0);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "modegpt, pivoted, 1, --storage",
        "basis-sharing, pivoted, 1, --storage",
        "shortgpt, factored, 1, --storage",
        "shortgpt, auto, 8, --rank-multiple"
    })
    void anOptionThatAMethodCannotHonourIsRefused(String method, String storage, int multiple, String option) {
        var plain = recipe(method, 0.7);
        assertThatThrownBy(() -> multiple(plain, StoragePolicy.of(storage), multiple))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(method)
                .hasMessageContaining(option);
    }

    private static CompressionRecipe multiple(CompressionRecipe recipe, StoragePolicy storage, int multiple) {
        return new CompressionRecipe(
                recipe.name(),
                recipe.method(),
                TargetStorage.plain(storage),
                recipe.allocator(),
                recipe.budget(),
                multiple,
                recipe.targets(),
                recipe.protectedLayers(),
                null,
                null,
                recipe.seed());
    }

    /// The greedy rule against every single removal, measured on the written models.
    @Test
    void slebTakesTheBlockWhoseAbsenceCostsLeast() throws Exception {
        var path = folder.resolve("source");
        SyntheticLlama.write(path, new SyntheticLlama.Size(32, 5, 4, 2, 48, 64), 7);
        try (var source = LanguageModel.open(path)) {
            var report = run(source, recipe("sleb", 0.8), folder.resolve("sleb"), Progress.silent());
            var losses = new TreeMap<Double, Integer>();
            for (var block = 1; block < 4; block++) {
                var others = new HashSet<>(Set.of(0, 1, 2, 3, 4));
                others.remove(block);
                var recipe = with(recipe("shortgpt", 1e-9), Set.of(), others);
                run(source, recipe, folder.resolve("without-" + block), Progress.silent());
                try (var cut = LanguageModel.open(folder.resolve("without-" + block))) {
                    losses.put(loss(cut), block);
                }
            }
            assertThat(report.allocation().getFirst())
                    .startsWith("removed block " + losses.firstEntry().getValue() + ",");
            var score = Double.parseDouble(report.allocation().getFirst().replaceAll(".*score ", ""));
            assertThat(score).isCloseTo(losses.firstKey(), within(1e-4));
        }
    }

    @Test
    void protectedBlocksAndChosenModulesAreRespected() {
        try (var source = llama()) {
            var recipe = with(recipe("modegpt", 0.6), Set.of(Role.GATE_PROJ, Role.UP_PROJ, Role.DOWN_PROJ), Set.of(1));
            var report = run(source, recipe, folder.resolve("mlp"), Progress.silent());
            assertThat(report.sites())
                    .extracting(SiteReport::name)
                    .containsExactly(
                            "model.layers.0.mlp.gate_proj",
                            "model.layers.0.mlp.up_proj",
                            "model.layers.0.mlp.down_proj");
            assertThat(report.keptTarget()).isBetween(0.5, 0.6);
            try (var cut = LanguageModel.open(folder.resolve("mlp"))) {
                assertThat(cut.spec().blocks().get(0).require(Role.UP_PROJ).out())
                        .isLessThan(72);
                assertThat(cut.spec().blocks().get(0).heads().keyDim()).isEqualTo(8);
                assertThat(cut.spec().blocks().get(1).require(Role.UP_PROJ).out())
                        .isEqualTo(72);
                enginesAgree(cut);
            }
        }
    }

    @Test
    void whatCannotBeCombinedIsRefusedWithWhatCan() {
        try (var gpt2 = LanguageModel.open(MODELS.resolve("gpt2"));
                var llama = llama()) {
            assertThatThrownBy(() -> run(gpt2, recipe("modegpt", 0.6), folder.resolve("out"), Progress.silent()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("gpt2")
                    .hasMessageContaining("sleb");
            var half = with(recipe("modegpt", 0.6), Set.of(Role.Q_PROJ), Set.of());
            assertThatThrownBy(() -> CompressionPlan.of(llama, half, 8, 16)).hasMessageContaining("q,k or v,o");
            var roles = with(recipe("sleb", 0.6), Set.of(Role.Q_PROJ), Set.of());
            assertThatThrownBy(() -> CompressionPlan.of(llama, roles, 8, 16)).hasMessageContaining("--protect");
            assertThatThrownBy(() -> CompressionPlan.of(llama, recipe("sleb", 0.6), 8, 16))
                    .hasMessageContaining("keep more");
            assertThatThrownBy(() -> CompressionPlan.of(llama, recipe("shortgpt", 0.01), 8, 16))
                    .hasMessageContaining("keep more");
            assertThatThrownBy(() -> recipe("modegpt", "knapsack", 0.6)).hasMessageContaining("influence or uniform");
            assertThatThrownBy(() -> recipe("shortgpt", "energy", 0.6)).hasMessageContaining("--allocate");
            assertThat(folder).isEmptyDirectory();
        }
    }

    @Test
    void oneRunWritesWhatSeveralWrite() throws Exception {
        try (var source = llama()) {
            var recipes = List.of(
                    recipe("svd-llm", 0.6),
                    recipe("modegpt", 0.6),
                    recipe("basis-sharing", 0.6),
                    recipe("slicegpt", 0.6),
                    recipe("shortgpt", 0.5));
            var jobs = recipes.stream()
                    .map(recipe -> new Job(
                            recipe,
                            folder.resolve("shared-" + recipe.method().info().id())))
                    .toList();
            Compression.runAll(
                    source, jobs, CompressionTest.calibration(64), null, Unfinished.RESUME, Progress.silent());
            for (var recipe : recipes) {
                var id = recipe.method().info().id();
                run(source, recipe, folder.resolve("single-" + id), Progress.silent());
                assertThat(hashes(folder.resolve("shared-" + id))).isEqualTo(hashes(folder.resolve("single-" + id)));
            }
        }
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private static LanguageModel llama() {
        return LanguageModel.open(MODELS.resolve("llama-gqa-tied"));
    }

    private static CompressionRecipe recipe(String method, double keep) {
        return recipe(method, Methods.of(method, MethodOptions.DEFAULT).allocator(), keep);
    }

    private static CompressionRecipe recipe(String method, String allocator, double keep) {
        return CompressionRecipe.of(
                Methods.of(method, MethodOptions.DEFAULT),
                StoragePolicy.AUTO,
                Allocators.of(allocator, AllocatorOptions.DEFAULT),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep)),
                0);
    }

    private static CompressionRecipe with(CompressionRecipe recipe, Set<Role> targets, Set<Integer> layers) {
        return new CompressionRecipe(
                recipe.name(),
                recipe.method(),
                recipe.storage(),
                recipe.allocator(),
                recipe.budget(),
                1,
                targets,
                layers,
                null,
                null,
                recipe.seed());
    }

    private static CompressionReport run(
            LanguageModel source, CompressionRecipe recipe, Path output, Progress progress) {
        // Tokens of every vocabulary used here.
        return Compression.run(
                source, new Job(recipe, output), CompressionTest.calibration(64), Unfinished.RESUME, progress);
    }

    private static List<int[]> windows() {
        return CompressionTest.calibration(64).windows();
    }

    private static double difference(LanguageModel left, LanguageModel right) {
        return TensorScope.tidy(() -> {
            try (var one = TorchDecoder.load(left, Residency.RESIDENT);
                    var other = TorchDecoder.load(right, Residency.STREAMED)) {
                return one.logits(windows()).sub(other.logits(windows())).norm().item()
                        / one.logits(windows()).norm().item();
            }
        });
    }

    private static double loss(LanguageModel model) {
        return TensorScope.tidy(() -> {
            try (var decoder = TorchDecoder.load(model, Residency.RESIDENT)) {
                var sum = 0.0;
                for (var window : windows()) {
                    var logs = decoder.logits(List.of(window)).select(0, 0).logSoftmax(-1);
                    for (var i = 0; i + 1 < window.length; i++) {
                        sum -= logs.select(0, i).select(0, window[i + 1]).item() / (window.length - 1);
                    }
                }
                return sum / windows().size();
            }
        });
    }

    private static void enginesAgree(LanguageModel model) {
        TensorScope.tidyRun(() -> {
            var window = windows().getFirst();
            try (var torch = TorchDecoder.load(model, Residency.RESIDENT);
                    var rows = RowDecoder.of(model, 2);
                    var cache = KvCache.of(model.spec(), window.length);
                    var prefilled = KvCache.of(model.spec(), window.length)) {
                var expected = torch.logits(List.of(window)).select(0, 0);
                var scale = expected.abs().max().item();
                for (var i = 0; i < window.length; i++) {
                    var found = rows.step(window[i], cache);
                    var want = expected.select(0, i).toFloats();
                    for (var token = 0; token < want.length; token++) {
                        assertThat((double) found[token]).isCloseTo(want[token], within(1e-4 * scale));
                    }
                }
                var last = torch.prefill(window, prefilled);
                assertThat(last).hasSize(model.spec().vocabSize());
                for (var block : model.spec().blocks()) {
                    assertThat(difference(
                                    prefilled.keys(block.index()).toFloats(),
                                    cache.keys(block.index()).toFloats()))
                            .isLessThan(1e-4);
                    assertThat(difference(
                                    prefilled.values(block.index()).toFloats(),
                                    cache.values(block.index()).toFloats()))
                            .isLessThan(1e-4);
                }
            }
        });
    }

    private static double difference(float[] one, float[] other) {
        var most = 0.0;
        for (var i = 0; i < one.length; i++) {
            most = Math.max(most, Math.abs(one[i] - other[i]));
        }
        return most;
    }

    private static TreeMap<String, String> hashes(Path output) throws Exception {
        var hashes = new TreeMap<String, String>();
        try (var files = Files.walk(output)) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                var digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
                hashes.put(output.relativize(file).toString(), HexFormat.of().formatHex(digest));
            }
        }
        return hashes;
    }
}
