package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.FolderVerification;
import dev.lowrank.checkpoint.SafetensorsFile;
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
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.TextIdentity;
import dev.lowrank.text.ValidationSet;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NoNativeLeaks
class CompressionTest {
    private static final Path MODELS = Path.of("src/test/resources/golden/models");

    @TempDir
    private Path folder;

    @Test
    void aRunKilledAfterAnyStepEndsInTheSameBytes() throws Exception {
        try (var source = llama()) {
            var steps = new ArrayList<Long>();
            var whole = folder.resolve("whole");
            run(source, recipe("svd-llm", "pivoted", 0.7), whole, (what, done, total) -> steps.add(done));
            assertThat(steps).hasSize(3);
            for (var stop = 0; stop < steps.size(); stop++) {
                var output = folder.resolve("stopped-" + stop);
                var at = steps.get(stop);
                assertThatThrownBy(() -> run(source, recipe("svd-llm", "pivoted", 0.7), output, killAt(at)))
                        .isInstanceOf(Killed.class);
                assertThat(output).doesNotExist();
                var resumed = new ArrayList<Long>();
                run(source, recipe("svd-llm", "pivoted", 0.7), output, (what, done, total) -> resumed.add(done));
                var first = resumed.isEmpty() ? steps.getLast() : resumed.getFirst(); // no step is left after the last
                assertThat(first).isEqualTo(at);
                assertThat(hashes(output)).isEqualTo(hashes(whole));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"lord", "kfac-svd"})
    void aTwoPassRunKilledAtAnyProgressEndsInTheSameBytes(String method) throws Exception {
        try (var source = llama()) {
            var recipe = method.equals("lord")
                    ? recipe("lord", "pivoted", "knapsack", 0.7)
                    : updated(recipe("kfac-svd", "pivoted", "knapsack", 0.7));
            var whole = folder.resolve("whole");
            var steps = new AtomicInteger();
            run(source, recipe, whole, (what, done, total) -> steps.incrementAndGet());
            assertThat(steps.get()).isGreaterThan(9);
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

    @Test
    void sitesAreReportedInExecutionOrder() {
        try (var source = llama()) {
            var report = run(
                    source,
                    updated(recipe("kfac-svd", "pivoted", "knapsack", 0.7)),
                    folder.resolve("out"),
                    Progress.silent());
            assertThat(report.sites())
                    .extracting(SiteReport::name)
                    .containsExactlyElementsOf(
                            source.spec().sites().map(site -> site.name()).toList());
        }
    }

    @Test
    void aTornFileOfTheFirstPassIsMadeAgain() throws Exception {
        try (var source = llama()) {
            var recipe = recipe("svd-llm", "pivoted", "knapsack", 0.7);
            var whole = folder.resolve("whole");
            run(source, recipe, whole, Progress.silent());
            var output = folder.resolve("torn");
            Progress killWhileCutting = (what, done, total) -> {
                if (what.equals("compress") && done == 1) {
                    throw new Killed();
                }
            };
            assertThatThrownBy(() -> run(source, recipe, output, killWhileCutting))
                    .isInstanceOf(Killed.class);
            var work = folder.resolve("torn.partial").resolve(".work").resolve("shared-0");
            try (var files = Files.list(work)) {
                for (var file : files.filter(each -> each.toString().contains("basis-00001"))
                        .toList()) {
                    var bytes = Files.readAllBytes(file);
                    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
                }
            }
            run(source, recipe, output, Progress.silent());
            assertThat(hashes(output)).isEqualTo(hashes(whole));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"knapsack", "energy", "welore", "zs-svd", "swift", "fermi", "influence", "asvd", "bolaco"})
    void everyAllocatorMeetsItsBudgetOnARealModel(String allocator) {
        try (var source = llama()) {
            var report = Compression.runAll(
                            source,
                            List.of(new Job(recipe("svd-llm", "pivoted", allocator, 0.7), folder.resolve("out"))),
                            calibration(),
                            ValidationSet.of(
                                    calibration().windows().subList(0, 2),
                                    calibration().identity()),
                            Unfinished.RESUME,
                            Progress.silent())
                    .getFirst();
            assertThat(report.keptTarget()).isLessThanOrEqualTo(0.7).isGreaterThan(0.6);
            assertThat(report.allocator()).isEqualTo(allocator);
        }
    }

    @Test
    void aTornWorkingFileIsDoneAgain() throws Exception {
        try (var source = llama()) {
            var whole = folder.resolve("whole");
            var recipe = recipe("lord", "factored", 0.6);
            run(source, recipe, whole, Progress.silent());
            var work = folder.resolve("torn.partial").resolve(".work");
            for (var name : List.of("part-00000.safetensors", "shared-0/hidden-00001.f32", "block-00000.json")) {
                var output = folder.resolve("torn");
                assertThatThrownBy(() -> run(source, recipe, output, killAt(1))).isInstanceOf(Killed.class);
                var file = work.resolve(name);
                var bytes = Files.readAllBytes(file);
                Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
                run(source, recipe, output, Progress.silent());
                assertThat(hashes(output)).as(name).isEqualTo(hashes(whole));
                delete(output);
            }
        }
    }

    @Test
    void anUnfinishedRunOfAnotherRecipeIsRefusedOrDiscarded() throws Exception {
        try (var source = llama()) {
            var output = folder.resolve("out");
            assertThatThrownBy(() -> run(source, recipe("svd", "factored", 0.6), output, killAt(1)))
                    .isInstanceOf(Killed.class);
            assertThatThrownBy(() -> run(source, recipe("svd", "factored", 0.5), output, Progress.silent()))
                    .isInstanceOfSatisfying(
                            CheckpointException.class, e -> assertThat(e.code()).isEqualTo(Code.RESUME_FINGERPRINT))
                    .hasMessageContaining("0.6")
                    .hasMessageContaining("--restart");
            Compression.run(
                    source,
                    new Job(recipe("svd", "factored", 0.5), output),
                    calibration(),
                    Unfinished.DISCARD,
                    Progress.silent());
            var fresh = folder.resolve("fresh");
            run(source, recipe("svd", "factored", 0.5), fresh, Progress.silent());
            assertThat(hashes(output)).isEqualTo(hashes(fresh));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "svd, factored, 0.5",
        "svd-llm, pivoted, 0.5",
        "asvd, auto, 0.9",
        "tucker, tucker, 0.4",
        "lord, auto, 0.3"
    })
    void theReportCountsWhatTheFolderHolds(String method, String storage, double keep) {
        try (var source = llama()) {
            var output = folder.resolve("out");
            var report = run(source, recipe(method, storage, keep), output, Progress.silent());
            assertThat(FolderVerification.verify(output).status()).isEqualTo(FolderVerification.Status.INTACT);
            try (var reopened = LanguageModel.open(output)) {
                assertThat(report.parametersAfter())
                        .isEqualTo(reopened.weights().parameters())
                        .isLessThan(report.parametersBefore());
                assertThat(report.bytesAfter())
                        .isEqualTo(reopened.checkpoint().weightBytes())
                        .isLessThan(report.bytesBefore());
            }
            assertThat(report.keptTarget()).isLessThanOrEqualTo(keep).isGreaterThan(keep - 0.1);
            assertThat(report.sites()).hasSize(14).allSatisfy(site -> {
                assertThat(site.error()).isBetween(0.0, 1.0);
                assertThat(site.rank()).isPositive();
            });
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"factored", "pivoted", "auto"})
    void keepingEverythingWritesTheModelItself(String storage) {
        try (var source = llama()) {
            var output = folder.resolve("out");
            var report = run(source, recipe("svd", storage, 1.0), output, Progress.silent());
            assertThat(report.parametersAfter()).isLessThanOrEqualTo(report.parametersBefore());
            try (var reopened = LanguageModel.open(output)) {
                assertThat(logitDifference(source, reopened)).isLessThan(1e-6);
            }
        }
    }

    @Test
    void sharedRunsWriteWhatSingleRunsWrite() throws Exception {
        try (var source = llama()) {
            var recipes = List.of(
                    recipe("svd-llm", "pivoted", 0.6),
                    recipe("svd-llm", "factored", 0.4),
                    recipe("svd", "auto", 0.5),
                    recipe("svd-llm", "pivoted", "knapsack", 0.6),
                    recipe("lord", "pivoted", "zs-svd", 0.6),
                    updated(recipe("kfac-svd", "pivoted", "knapsack", 0.6)),
                    recipe("kfac-svd", "pivoted", "knapsack", 0.6),
                    seeded(recipe("kfac-svd", "pivoted", "knapsack", 0.6), 7),
                    seeded(updated(recipe("kfac-svd", "pivoted", "knapsack", 0.6)), 7),
                    updated(recipe("svd-llm", "factored", 0.5)),
                    targeting(recipe("svd-llm", "pivoted", 0.6), Role.Q_PROJ),
                    recipe("modegpt", "auto", "influence", 0.7),
                    recipe("shortgpt", "auto", 0.5));
            var jobs = new ArrayList<Job>();
            for (var i = 0; i < recipes.size(); i++) {
                jobs.add(new Job(recipes.get(i), folder.resolve("shared-" + i)));
            }
            Compression.runAll(source, jobs, calibration(), null, Unfinished.RESUME, Progress.silent());
            for (var i = 0; i < recipes.size(); i++) {
                var single = folder.resolve("single-" + i);
                run(source, recipes.get(i), single, Progress.silent());
                assertThat(hashes(folder.resolve("shared-" + i)))
                        .as("recipe %d", i)
                        .isEqualTo(hashes(single));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"64, false", "69, true"})
    void anUpdateSeesEveryWindowUnlessItIsBounded(int bound, boolean seen) throws Exception {
        var windows = new ArrayList<>(calibration(96, 70).windows());
        var one = calibration(windows);
        windows.set(68, windows.getFirst());
        var other = calibration(windows);
        try (var source = llama()) {
            var recipe = updated(recipe("svd-llm", "pivoted", 0.6), bound == 64 ? 64 : SequentialUpdate.ALL);
            var report = run(source, recipe, folder.resolve("one"), one);
            run(source, recipe, folder.resolve("other"), other);
            assertThat(weights(folder.resolve("one")).equals(weights(folder.resolve("other"))))
                    .isNotEqualTo(seen);
            assertThat(report.windows().update()).isEqualTo(bound == 64 ? 64 : 70);
            assertThat(report.warnings().stream().filter(warning -> warning.contains("6 of 70 calibration windows")))
                    .hasSize(seen ? 0 : 1);
            assertThat(manifest(folder.resolve("one")))
                    .contains("\"windows\"")
                    .contains("\"update\": " + report.windows().update());
        }
    }

    @Test
    void marksOfAnAllocatorAreNoWarnings() throws Exception {
        try (var source = llama()) {
            var report = run(source, recipe("svd", "pivoted", "welore", 0.7), folder.resolve("out"), Progress.silent());
            assertThat(report.sites())
                    .extracting(SiteReport::mark)
                    .contains("LRC")
                    .doesNotContainNull();
            assertThat(report.sites())
                    .allSatisfy(site -> assertThat(site.notes()).isEmpty());
            assertThat(report.warnings()).noneMatch(warning -> warning.contains("LRC"));
            assertThat(manifest(folder.resolve("out"))).contains("\"mark\": \"LRC\"");
        }
    }

    @Test
    void aDenseSiteSaysWhetherItWasRefitted() {
        try (var source = llama()) {
            var plain = recipe("svd-llm", "pivoted", "knapsack", 0.9);
            var fitted = run(source, updated(plain), folder.resolve("fitted"), Progress.silent());
            assertThat(fitted.sites())
                    .filteredOn(site -> site.form().equals("dense"))
                    .isNotEmpty()
                    .allMatch(site -> site.notes().equals(List.of(SiteCutter.REFITTED)));
            assertThat(fitted.warnings()).anyMatch(warning -> warning.contains("stay dense, "));
            assertThat(run(source, plain, folder.resolve("plain"), Progress.silent())
                            .sites())
                    .filteredOn(site -> site.form().equals("dense"))
                    .isNotEmpty()
                    .allMatch(site -> site.notes().isEmpty());
        }
    }

    @Test
    void influenceCostsNoBackwardPass() {
        try (var source = llama()) {
            var steps = new TreeSet<String>();
            run(
                    source,
                    recipe("svd-llm", "pivoted", "influence", 0.7),
                    folder.resolve("out"),
                    (what, done, total) -> steps.add(what));
            assertThat(steps).contains("influence").doesNotContain("backward", "forward");
        }
    }

    /// Calibrated and judged on the same text, the fit must lower the loss; every architecture's layout of
    /// dense weights is written back as it was.
    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa-tied", "qwen2-tied", "gpt2", "gpt_bigcode-multi-query"})
    void aSequentialUpdateBringsTheOutputsNearer(String model) {
        try (var source = LanguageModel.open(MODELS.resolve(model))) {
            var plain = recipe("svd-llm", "pivoted", "knapsack", 0.5);
            run(source, plain, folder.resolve("plain"), Progress.silent());
            run(source, updated(plain), folder.resolve("updated"), Progress.silent());
            try (var cut = LanguageModel.open(folder.resolve("plain"));
                    var fitted = LanguageModel.open(folder.resolve("updated"))) {
                assertThat(logitError(source, fitted)).isLessThan(logitError(source, cut));
            }
        }
    }

    @Test
    void targetsAndProtectedLayersAreRespected() {
        try (var source = llama()) {
            var recipe = new CompressionRecipe(
                    "svd",
                    Methods.of("svd", MethodOptions.DEFAULT),
                    TargetStorage.plain(StoragePolicy.FACTORED),
                    Allocators.of("rank", AllocatorOptions.DEFAULT.withRank(4)),
                    new Budget.Unbounded(CostUnit.PARAMETERS),
                    1,
                    Set.of(Role.UP_PROJ, Role.DOWN_PROJ),
                    Set.of(1),
                    null,
                    DType.BF16,
                    0);
            var report = run(source, recipe, folder.resolve("out"), Progress.silent());
            assertThat(report.sites())
                    .extracting(SiteReport::name)
                    .containsExactly("model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj");
            assertThat(report.sites())
                    .allMatch(site -> site.rank() == 4 && site.form().equals("factored"));
            assertThatThrownBy(() -> CompressionPlan.of(
                            source,
                            new CompressionRecipe(
                                    recipe.name(),
                                    recipe.method(),
                                    recipe.storage(),
                                    recipe.allocator(),
                                    recipe.budget(),
                                    1,
                                    Set.of(Role.QKV_PROJ),
                                    Set.of(),
                                    null,
                                    null,
                                    0),
                            0,
                            0))
                    .hasMessageContaining("qkv")
                    .hasMessageContaining("gate");
        }
    }

    @Test
    void planAndRunAgree() {
        try (var source = llama()) {
            var recipe = recipe("svd-llm", "auto", 0.6);
            var plan = CompressionPlan.of(source, recipe, 8, 16);
            var report = run(source, recipe, folder.resolve("out"), Progress.silent());
            assertThat(plan.parametersAfter()).isEqualTo(report.parametersAfter());
            for (var i = 0; i < report.sites().size(); i++) {
                assertThat(report.sites().get(i).rank())
                        .isEqualTo(plan.targets().get(i).rank());
                assertThat(report.sites().get(i).form())
                        .isEqualTo(plan.targets().get(i).form());
            }
        }
    }

    @Test
    void aWeightThatIsNotFiniteNamesItsTensor() throws Exception {
        var broken = Files.createDirectory(folder.resolve("broken"));
        Files.copy(MODELS.resolve("llama-gqa-tied/config.json"), broken.resolve("config.json"));
        var name = "model.layers.1.mlp.up_proj.weight";
        try (var file = SafetensorsFile.open(MODELS.resolve("llama-gqa-tied/model.safetensors"));
                var arena = Arena.ofConfined()) {
            var entries = file.names().stream()
                    .map(n -> new SafetensorsWriter.Entry(
                            n, file.info(n).dtype(), file.info(n).shape()))
                    .toList();
            try (var writer = SafetensorsWriter.create(broken.resolve("model.safetensors"), entries)) {
                for (var n : file.names()) {
                    var tensor = file.tensor(n);
                    if (n.equals(name)) {
                        var copy = arena.allocate(tensor.bytes());
                        copy.copyFrom(tensor.data());
                        copy.set(HostTensor.FLOAT, 40, Float.NaN);
                        tensor = new HostTensor(tensor.dtype(), tensor.shape(), copy);
                    }
                    writer.write(n, tensor);
                }
                writer.finish();
            }
        }
        try (var source = LanguageModel.open(broken)) {
            for (var method : List.of("svd", "svd-llm")) {
                assertThatThrownBy(() -> run(
                                source,
                                recipe(method, "auto", 0.6),
                                folder.resolve("out-" + method),
                                Progress.silent()))
                        .isInstanceOf(NumericalException.class)
                        .hasMessageContaining("model.layers.1.mlp");
                assertThat(folder.resolve("out-" + method)).doesNotExist();
            }
        }
    }

    @Test
    void aMethodThatNeedsTextSaysSo() {
        try (var source = llama()) {
            var budget = recipe("svd", "auto", 1e-4);
            assertThatThrownBy(() -> run(source, budget, folder.resolve("none"), Progress.silent()))
                    .hasMessageContaining("keep more");
            assertThat(folder).isEmptyDirectory();
            assertThatThrownBy(() -> Compression.run(
                            source,
                            new Job(recipe("svd-llm", "auto", 0.6), folder.resolve("out")),
                            null,
                            Unfinished.RESUME,
                            Progress.silent()))
                    .hasMessageContaining("--calibration");
        }
    }

    @Test
    void aCompressedModelIsNotCompressedAgain() {
        try (var source = llama()) {
            run(source, recipe("svd", "auto", 0.6), folder.resolve("once"), Progress.silent());
        }
        try (var once = LanguageModel.open(folder.resolve("once"))) {
            assertThatThrownBy(() -> run(once, recipe("svd", "auto", 0.6), folder.resolve("twice"), Progress.silent()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("original");
        }
    }

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private static Progress killAt(long step) {
        return (what, done, total) -> {
            if (done == step) {
                throw new Killed();
            }
        };
    }

    private static LanguageModel llama() {
        return LanguageModel.open(MODELS.resolve("llama-gqa-tied"));
    }

    private static CompressionRecipe recipe(String method, String storage, double keep) {
        return recipe(method, storage, "uniform", keep);
    }

    private static CompressionRecipe recipe(String method, String storage, String allocator, double keep) {
        return CompressionRecipe.of(
                Methods.of(method, MethodOptions.DEFAULT),
                StoragePolicy.of(storage),
                Allocators.of(allocator, new AllocatorOptions(64, Double.NaN, 0, 6, null, 0, Double.NaN)),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(keep)),
                0);
    }

    private static CompressionRecipe seeded(CompressionRecipe recipe, long seed) {
        return new CompressionRecipe(
                recipe.name(),
                recipe.method(),
                recipe.storage(),
                recipe.allocator(),
                recipe.budget(),
                recipe.rankMultiple(),
                recipe.targets(),
                recipe.protectedLayers(),
                recipe.update(),
                recipe.dtype(),
                seed);
    }

    private static CompressionRecipe targeting(CompressionRecipe recipe, Role role) {
        return new CompressionRecipe(
                recipe.name(),
                recipe.method(),
                recipe.storage(),
                recipe.allocator(),
                recipe.budget(),
                recipe.rankMultiple(),
                Set.of(role),
                recipe.protectedLayers(),
                recipe.update(),
                recipe.dtype(),
                recipe.seed());
    }

    private static CompressionRecipe updated(CompressionRecipe recipe) {
        return updated(recipe, SequentialUpdate.ALL);
    }

    private static CompressionRecipe updated(CompressionRecipe recipe, int windows) {
        var standard = SequentialUpdate.DEFAULT;
        return new CompressionRecipe(
                recipe.name(),
                recipe.method(),
                recipe.storage(),
                recipe.allocator(),
                recipe.budget(),
                recipe.rankMultiple(),
                recipe.targets(),
                recipe.protectedLayers(),
                new SequentialUpdate(standard.alpha(), standard.ridge(), windows),
                recipe.dtype(),
                recipe.seed());
    }

    private static CompressionReport run(
            LanguageModel source, CompressionRecipe recipe, Path output, Progress progress) {
        return Compression.run(source, new Job(recipe, output), calibration(), Unfinished.RESUME, progress);
    }

    private static CompressionReport run(
            LanguageModel source, CompressionRecipe recipe, Path output, CalibrationSet calibration) {
        return Compression.run(source, new Job(recipe, output), calibration, Unfinished.RESUME, Progress.silent());
    }

    private static String weights(Path output) throws Exception {
        return hashes(output).entrySet().stream()
                .filter(file -> file.getKey().endsWith(".safetensors"))
                .toList()
                .toString();
    }

    private static String manifest(Path output) throws IOException {
        return Files.readString(output.resolve("lowrank.json"));
    }

    /// Eight windows of sixteen seeded random tokens.
    static CalibrationSet calibration() {
        return calibration(96);
    }

    /// The same of a smaller vocabulary.
    static CalibrationSet calibration(int vocabulary) {
        return calibration(vocabulary, 8);
    }

    private static CalibrationSet calibration(int vocabulary, int samples) {
        var random = new SplittableRandom(5);
        var windows = new ArrayList<int[]>();
        for (var i = 0; i < samples; i++) {
            windows.add(random.ints(16, 0, vocabulary).toArray());
        }
        return calibration(windows);
    }

    private static CalibrationSet calibration(List<int[]> windows) {
        var identity = new TextIdentity(List.of(), "seeded random tokens", 16, windows.size(), 5, 16L * windows.size());
        return CalibrationSet.of(windows, identity);
    }

    /// Root of the summed squared difference of logits on the calibration windows.
    private static double logitError(LanguageModel left, LanguageModel right) {
        return TensorScope.tidy(() -> {
            try (var one = TorchDecoder.load(left, Residency.RESIDENT);
                    var other = TorchDecoder.load(right, Residency.RESIDENT)) {
                var windows = calibration().windows();
                return one.logits(windows).sub(other.logits(windows)).norm().item();
            }
        });
    }

    private static double logitDifference(LanguageModel left, LanguageModel right) {
        var tokens = List.of(new SplittableRandom(9).ints(12, 0, 96).toArray());
        return TensorScope.tidy(() -> {
            try (var a = TorchDecoder.load(left, Residency.RESIDENT);
                    var b = TorchDecoder.load(right, Residency.STREAMED)) {
                return a.logits(tokens).sub(b.logits(tokens)).abs().max().item();
            }
        });
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

    private static void delete(Path output) throws IOException {
        try (var files = Files.walk(output)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
