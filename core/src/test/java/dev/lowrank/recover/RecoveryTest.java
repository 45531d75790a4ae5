package dev.lowrank.recover;

import static dev.lowrank.recover.TrainingFixture.recipe;
import static dev.lowrank.recover.TrainingFixture.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.FolderVerification;
import dev.lowrank.compress.Compression;
import dev.lowrank.compress.CompressionRecipe;
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
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.recover.Recovery.Material;
import dev.lowrank.recover.Recovery.Unfinished;
import dev.lowrank.recover.RecoveryRecipe.Blocks;
import dev.lowrank.recover.RecoveryRecipe.Decay;
import dev.lowrank.recover.RecoveryRecipe.Loss;
import dev.lowrank.recover.RecoveryRecipe.Optimisation;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.recover.RecoveryRecipe.Validation;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.SyntheticLlama;
import dev.lowrank.text.TextIdentity;
import dev.lowrank.text.TrainingSet;
import dev.lowrank.text.ValidationSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@NoNativeLeaks
class RecoveryTest {
    @TempDir
    private Path folder;

    private int cards;

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = "DENSE|.*_SPARSE")
    void everyFormComesCloserToItsTeacherInTheSameShapesAndBytes(CompressedForm form) throws Exception {
        var compressed = folder.resolve("compressed");
        var out = folder.resolve("out");
        try (var dense = golden("llama-gqa-tied")) {
            form.write(dense, 0.5, compressed);
            var report = run(compressed, dense, recipe(30, Stage.END_TO_END), out, RecoveryProgress.silent());
            assertThat(report.warnings()).isEmpty();
            assertThat(report.rounds().getLast().divergence())
                    .isLessThan(0.8 * report.rounds().get(1).divergence());
        }
        assertThat(FolderVerification.verify(out).status()).isEqualTo(FolderVerification.Status.INTACT);
        assertThat(Files.size(out.resolve("model.safetensors")))
                .isEqualTo(Files.size(compressed.resolve("model.safetensors")));
        assertThat(out.resolve("config.json")).hasSameBinaryContentAs(compressed.resolve("config.json"));
        assertThat(names(out)).isEqualTo(names(compressed));
        assertThat(out.resolve("README.md")).content().contains("lowrank recover");
        try (var before = LanguageModel.open(compressed);
                var after = LanguageModel.open(out)) {
            for (var name : before.weights().names()) {
                assertThat(after.checkpoint().info(name).shape())
                        .isEqualTo(before.checkpoint().info(name).shape());
                var same = same(before, after, name);
                assertThat(same)
                        .as(name)
                        .isEqualTo(before.weights().tables().contains(name) || name.endsWith(".index") && same);
            }
        }
    }

    static Stream<GoldenModel> architectures() {
        return GoldenModel.ofEachArchitecture();
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void everyArchitectureTrainsInBothStages(GoldenModel golden) {
        var compressed = folder.resolve("compressed");
        try (var dense = LanguageModel.open(golden.folder())) {
            CompressedForm.PIVOTED.write(dense, 0.5, compressed);
            var report = run(
                    compressed,
                    dense,
                    recipe(4, Stage.BLOCKS, Stage.END_TO_END),
                    folder.resolve("out"),
                    RecoveryProgress.silent());
            assertThat(report.blocks())
                    .hasSize(dense.spec().blocks().size())
                    .allSatisfy(block -> assertThat(block.after()).isLessThan(block.before()));
            assertThat(report.after()).isNotNull().isFinite();
        }
    }

    @Test
    void denseSitesMoveOnlyWhenAskedFor() {
        var compressed = folder.resolve("compressed");
        var out = folder.resolve("out");
        try (var dense = golden("gpt2")) {
            CompressedForm.DENSE.write(dense, 1, compressed);
            assertThatThrownBy(
                            () -> run(compressed, dense, recipe(2, Stage.END_TO_END), out, RecoveryProgress.silent()))
                    .hasMessageContaining("--train linears");
            assertThat(folder).isDirectoryNotContaining("glob:**.partial");
            var recipe = TrainingFixture.with(recipe(2, Stage.END_TO_END), Trained.LINEARS);
            run(compressed, null, recipe, out, RecoveryProgress.silent());
            try (var before = LanguageModel.open(compressed);
                    var after = LanguageModel.open(out)) {
                for (var site : before.spec().sites().toList()) {
                    assertThat(same(before, after, site.name() + ".weight"))
                            .as(site.name())
                            .isFalse();
                }
            }
        }
    }

    @Test
    void aRunStoppedAnywhereEndsInTheSameBytes() throws Exception {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.PIVOTED.write(dense, 0.5, compressed);
            var recipe = recipe(3, Stage.BLOCKS, Stage.END_TO_END);
            var whole = folder.resolve("whole");
            var counting = new TrainingFixture.Counting();
            run(compressed, dense, recipe, whole, counting);
            assertThat(counting.calls).isEqualTo(10);
            var expected = TrainingFixture.hashes(whole);
            for (var stop = 1; stop <= counting.calls; stop++) {
                var output = folder.resolve("stopped-" + stop);
                var at = TrainingFixture.stopAt(stop);
                assertThatThrownBy(() -> run(compressed, dense, recipe, output, at))
                        .isInstanceOf(TrainingFixture.Stopped.class);
                assertThat(output).doesNotExist();
                run(compressed, dense, recipe, output, RecoveryProgress.silent());
                assertThat(TrainingFixture.hashes(output))
                        .as("stopped at %d", stop)
                        .isEqualTo(expected);
            }
        }
    }

    /// A dense model that does not know the text pulls a model that has learnt it back.
    @Test
    void blocksThatMakeTheValidationTextWorseAreUndone() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var whole = TrainingFixture.with(recipe(60, Stage.END_TO_END), new Loss(1, 1, 8));
            var both = TrainingFixture.with(recipe(60, Stage.END_TO_END, Stage.BLOCKS), new Loss(1, 1, 8));
            var expected = judgedByWhatIsLearnt(compressed, dense, whole, folder.resolve("expected"));
            var report = judgedByWhatIsLearnt(compressed, dense, both, folder.resolve("out"));
            assertThat(report.warnings()).singleElement().asString().contains("what it did was undone");
            assertThat(report.after()).isEqualTo(expected.after());
            assertThat(report.bestStep()).isEqualTo(expected.bestStep());
            assertThat(report.blocks()).hasSize(2);
            assertThat(folder.resolve("out/model.safetensors"))
                    .hasSameBinaryContentAs(folder.resolve("expected/model.safetensors"));
            assertThat(folder.resolve("out/README.md")).content().contains("what it did was undone");
        }
    }

    @Test
    void blocksThatMakeTheValidationTextBetterAreKept() {
        var compressed = folder.resolve("compressed");
        var learnt = folder.resolve("learnt");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var whole = TrainingFixture.with(recipe(60, Stage.END_TO_END), new Loss(1, 1, 8));
            judgedByWhatIsLearnt(compressed, dense, whole, learnt);
        }
        try (var teacher = LanguageModel.open(learnt)) {
            var report = judgedByWhatIsLearnt(compressed, teacher, recipe(1, Stage.BLOCKS), folder.resolve("out"));
            assertThat(report.warnings()).isEmpty();
            assertThat(report.after()).isLessThan(0.9 * Objects.requireNonNull(report.before()));
        }
    }

    /// Trains with the first training windows as the validation text.
    private static RecoveryReport judgedByWhatIsLearnt(
            Path compressed, LanguageModel teacher, RecoveryRecipe recipe, Path output) {
        try (var model = LanguageModel.open(compressed)) {
            var windows = TrainingFixture.windows(model, 6, 1);
            var held = ValidationSet.of(
                    windows,
                    new TextIdentity(List.of(), "random", TrainingFixture.WINDOW, 6, 1, 6L * TrainingFixture.WINDOW));
            return Recovery.run(
                    new Material(model, teacher, TrainingFixture.training(model), held),
                    recipe,
                    output,
                    Unfinished.RESUME,
                    RecoveryProgress.silent());
        }
    }

    /// What one run computes of a batch together, a run that continues may find done in part.
    @Test
    void aRunWithAStreamedTeacherStoppedAnywhereEndsInTheBytesOfAResidentOne() throws Exception {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var recipe = recipe(3, Stage.END_TO_END);
            var streamed = TrainingFixture.planned(
                    compressed, dense, recipe, plan -> plan.teacher() == Residency.STREAMED && plan.segment() == 1);
            var resident = TrainingFixture.planned(
                    compressed, dense, recipe, plan -> plan.teacher() == Residency.RESIDENT && plan.segment() == 1);
            var whole = folder.resolve("whole");
            var counting = new TrainingFixture.Counting();
            run(compressed, dense, streamed, whole, counting);
            var expected = TrainingFixture.hashes(whole);
            for (var stop = 1; stop <= counting.calls; stop++) {
                var output = folder.resolve("stopped-" + stop);
                var at = TrainingFixture.stopAt(stop);
                assertThatThrownBy(() -> run(compressed, dense, streamed, output, at))
                        .isInstanceOf(TrainingFixture.Stopped.class);
                run(compressed, dense, streamed, output, RecoveryProgress.silent());
                assertThat(TrainingFixture.hashes(output))
                        .as("stopped at %d", stop)
                        .isEqualTo(expected);
            }
            var other = folder.resolve("resident");
            run(compressed, dense, resident, other, RecoveryProgress.silent());
            assertThat(other.resolve("model.safetensors")).hasSameBinaryContentAs(whole.resolve("model.safetensors"));
        }
    }

    /// The step counts are in the manifest, so they must survive a stop in the stage after theirs.
    @Test
    void aRunStoppedInTheStageOfBlocksStillKnowsItsSteps() throws Exception {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var recipe = recipe(2, Stage.END_TO_END, Stage.BLOCKS);
            var whole = folder.resolve("whole");
            var counting = new TrainingFixture.Counting();
            assertThat(run(compressed, dense, recipe, whole, counting).steps()).isEqualTo(2);
            for (var stop = counting.calls - 2; stop <= counting.calls; stop++) {
                var output = folder.resolve("stopped-" + stop);
                var at = TrainingFixture.stopAt(stop);
                assertThatThrownBy(() -> run(compressed, dense, recipe, output, at))
                        .isInstanceOf(TrainingFixture.Stopped.class);
                var report = run(compressed, dense, recipe, output, RecoveryProgress.silent());
                assertThat(report.steps()).isEqualTo(2);
                assertThat(report.tokens()).isEqualTo(2 * 4 * TrainingFixture.WINDOW);
                assertThat(TrainingFixture.hashes(output)).isEqualTo(TrainingFixture.hashes(whole));
            }
        }
    }

    @Test
    void aTimeIsKeptByBothStagesAndByARunThatContinues() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var recipe = TrainingFixture.within(recipe(1, Stage.BLOCKS, Stage.END_TO_END), Duration.ofSeconds(3));
            var out = folder.resolve("out");
            var stopped = new TrainingFixture.Paces(3);
            assertThatThrownBy(() -> run(compressed, dense, recipe, out, stopped))
                    .isInstanceOf(TrainingFixture.Stopped.class);
            var paces = new TrainingFixture.Paces(Integer.MAX_VALUE);
            var report = run(compressed, dense, recipe, out, paces);
            assertThat(report.seconds()).isBetween(3.0, 6.0);
            // Three looks at least were due; a slow one may stand for two.
            assertThat(report.rounds()).hasSizeBetween(2, 4);
            for (var pace : paces.heard) {
                assertThat(pace.steps()).isZero();
                assertThat(pace.secondsLeft()).isCloseTo(Math.max(0, 3 - pace.seconds()), within(1e-9));
                assertThat(pace.tokensPerSecond()).isPositive().isFinite();
            }
            assertThat(paces.heard.getLast().step()).isEqualTo(report.steps());
        }
    }

    @Test
    void theStageOfBlocksGetsItsTimeInEitherPlace() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            for (var stages :
                    List.of(List.of(Stage.BLOCKS, Stage.END_TO_END), List.of(Stage.END_TO_END, Stage.BLOCKS))) {
                var recipe = TrainingFixture.within(recipe(1, stages.toArray(Stage[]::new)), Duration.ofSeconds(4));
                var out = folder.resolve("out-" + stages.getFirst());
                var report = run(compressed, dense, recipe, out, RecoveryProgress.silent());
                assertThat(report.steps()).isPositive();
                assertThat(report.blocks())
                        .hasSize(2)
                        .allSatisfy(block -> assertThat(block.after()).isLessThan(block.before()));
            }
        }
    }

    @Test
    void aStoppedRunIsNotContinuedAsAnother() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var out = folder.resolve("out");
            assertThatThrownBy(
                            () -> run(compressed, dense, recipe(6, Stage.END_TO_END), out, TrainingFixture.stopAt(4)))
                    .isInstanceOf(TrainingFixture.Stopped.class);
            assertThatThrownBy(
                            () -> run(compressed, dense, recipe(7, Stage.END_TO_END), out, RecoveryProgress.silent()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("extent")
                    .hasMessageContaining("--restart");
        }
    }

    @Test
    void onlyLowRankComponentsMoveWhereTheAllocatorMarkedThem() {
        var compressed = folder.resolve("compressed");
        var out = folder.resolve("out");
        try (var dense = golden("llama-gqa-tied")) {
            compressByWeLore(dense, compressed);
            var recipe = TrainingFixture.with(recipe(3, Stage.END_TO_END), Trained.LRC);
            run(compressed, dense, recipe, out, RecoveryProgress.silent());
        }
        try (var before = LanguageModel.open(compressed);
                var after = LanguageModel.open(out)) {
            var moved = new ArrayList<String>();
            for (var name : before.weights().names()) {
                if (!same(before, after, name)) {
                    moved.add(name);
                }
            }
            assertThat(moved)
                    .isNotEmpty()
                    .allMatch(name ->
                            name.matches(".*_proj\\.(a|b|pivot|rest)\\.(weight|index)") || name.endsWith(".index"));
            for (var site : before.spec().sites().toList()) {
                var factored = before.weights().linear(site).rank() < Math.min(site.in(), site.out());
                assertThat(moved.stream().anyMatch(name -> name.startsWith(site.name() + ".")))
                        .as(site.name())
                        .isEqualTo(factored);
            }
        }
    }

    @Test
    void lowRankComponentsAreRefusedWhereNoneWereMarked() {
        var compressed = folder.resolve("compressed");
        var out = folder.resolve("out");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var recipe = TrainingFixture.with(recipe(1, Stage.END_TO_END), Trained.LRC);
            assertThatThrownBy(() -> run(compressed, dense, recipe, out, RecoveryProgress.silent()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("none is marked")
                    .hasMessageContaining("--train factors");
        }
        assertThat(folder.resolve("out.partial")).doesNotExist();
    }

    @Test
    void aTrainingThatMakesItWorseStopsAndLeavesTheModelAsItWas() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.PIVOTED.write(dense, 0.5, compressed);
            var wild = TrainingFixture.with(
                    recipe(40, Stage.END_TO_END),
                    new Optimisation(2, 10, 0, Decay.LINEAR, 0, 0),
                    new Validation(20, 2));
            var report = run(compressed, dense, wild, folder.resolve("out"), RecoveryProgress.silent());
            assertThat(report.stoppedEarly()).isTrue();
            assertThat(report.steps()).isEqualTo(4);
            assertThat(report.bestStep()).isZero();
            assertThat(report.after()).isCloseTo(report.before(), within(1e-3 * report.before()));
        }
    }

    @Test
    void numbersThatOverflowAreAnErrorThatNamesTheStep() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var wild = TrainingFixture.with(
                    recipe(9, Stage.END_TO_END),
                    new Optimisation(2, 1e30, 0, Decay.LINEAR, 0, 0),
                    new Validation(1, 0));
            assertThatThrownBy(() -> run(compressed, dense, wild, folder.resolve("out"), RecoveryProgress.silent()))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining("step 2;")
                    .hasMessageContaining("a smaller --rate,");
        }
    }

    @Test
    void numbersThatOverflowInABlockAreAnErrorThatNamesTheBlockAndItsOwnRate() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var wild = TrainingFixture.with(recipe(1, Stage.BLOCKS), new Blocks(6, 4, 1e30));
            assertThatThrownBy(() -> run(compressed, dense, wild, folder.resolve("out"), RecoveryProgress.silent()))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining("step 2 of block 0;")
                    .hasMessageContaining("a smaller --block-rate,");
        }
    }

    @Test
    void theCardNamesTheTeacherOnlyForWhatWasLearntFromIt() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var both = recipe(1, Stage.BLOCKS, Stage.END_TO_END);
            var whole = recipe(1, Stage.END_TO_END);
            var text = new Loss(1, 1, 8);
            assertThat(card(compressed, dense, both))
                    .contains("towards the block outputs of llama-gqa-tied and the text and the predictions of llama");
            assertThat(card(compressed, dense, whole))
                    .contains("towards the text and the predictions of llama-gqa-tied.");
            assertThat(card(compressed, dense, TrainingFixture.with(whole, new Loss(0, 1, 8))))
                    .contains("towards the predictions of llama-gqa-tied.");
            assertThat(card(compressed, dense, recipe(1, Stage.BLOCKS)))
                    .contains("towards the block outputs of llama-gqa-tied.");
            assertThat(card(compressed, dense, TrainingFixture.with(both, text)))
                    .contains("towards the block outputs of llama-gqa-tied and the text.");
            assertThat(card(compressed, dense, TrainingFixture.with(whole, text)))
                    .contains("on the text alone")
                    .doesNotContain("towards");
            assertThat(card(compressed, null, TrainingFixture.with(whole, new Loss(0, 1, 8))))
                    .contains("on the text alone");
        }
    }

    /// The card's paragraph on the training.
    private String card(Path compressed, @Nullable LanguageModel teacher, RecoveryRecipe recipe) {
        var out = folder.resolve("card-" + cards++);
        run(compressed, teacher, recipe, out, RecoveryProgress.silent());
        try {
            var card = Files.readString(out.resolve("README.md"));
            return card.substring(card.indexOf("## Trained"));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Test
    void textAloneTrainsWithoutATeacher() {
        var compressed = folder.resolve("compressed");
        try (var dense = golden("qwen2-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var report = run(
                    compressed, null, recipe(30, Stage.END_TO_END), folder.resolve("out"), RecoveryProgress.silent());
            assertThat(report.rounds().getLast().divergence()).isZero();
            assertThat(report.rounds().getLast().crossEntropy())
                    .isLessThan(report.rounds().get(1).crossEntropy());
            assertThatThrownBy(() -> run(
                            compressed, null, recipe(1, Stage.BLOCKS), folder.resolve("b"), RecoveryProgress.silent()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("--teacher");
        }
    }

    @Test
    void whatCannotBeTrainedIsRefusedBeforeAnythingIsWritten() throws Exception {
        var compressed = folder.resolve("compressed");
        var out = folder.resolve("out");
        try (var dense = golden("llama-gqa-tied")) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
            var recipe = recipe(2, Stage.END_TO_END);
            assertThatThrownBy(() -> run(dense.checkpoint().path(), dense, recipe, out, RecoveryProgress.silent()))
                    .hasMessageContaining("no folder that Lowrank wrote");
            try (var other = synthetic(2, 300)) {
                assertThatThrownBy(() -> run(compressed, other, recipe, out, RecoveryProgress.silent()))
                        .hasMessageContaining("a vocabulary of 300, the model one of 96");
            }
            try (var deeper = synthetic(3, 96)) {
                assertThatThrownBy(
                                () -> run(compressed, deeper, recipe(1, Stage.BLOCKS), out, RecoveryProgress.silent()))
                        .hasMessageContaining("a teacher of the same blocks");
            }
            assertThatThrownBy(() -> run(
                            compressed,
                            dense,
                            TrainingFixture.withMemory(recipe, 1000),
                            out,
                            RecoveryProgress.silent()))
                    .isInstanceOf(NotEnoughMemoryException.class)
                    .hasMessageContaining("--memory")
                    .hasMessageContaining("--window");
            try (var model = LanguageModel.open(compressed)) {
                var tooLong = TrainingSet.of(
                        List.of(List.of(new int[model.spec().maxPositions() + 1])),
                        List.of(new TextIdentity.Source("x", "00", 1)));
                assertThatThrownBy(() -> Recovery.run(
                                new Material(model, dense, tooLong, null),
                                recipe,
                                out,
                                Unfinished.RESUME,
                                RecoveryProgress.silent()))
                        .hasMessageContaining("--window");
            }
            Files.createDirectory(out);
            assertThatThrownBy(() -> run(compressed, dense, recipe, out, RecoveryProgress.silent()))
                    .isInstanceOfSatisfying(
                            CheckpointException.class,
                            failure -> assertThat(failure.code()).isEqualTo(Code.OUT_EXISTS));
        }
        assertThat(folder.resolve("out.partial")).doesNotExist();
    }

    private LanguageModel synthetic(int layers, int vocabulary) throws IOException {
        var path = folder.resolve("synthetic-" + layers);
        SyntheticLlama.write(path, new SyntheticLlama.Size(32, layers, 4, 2, 48, vocabulary), 1);
        return LanguageModel.open(path);
    }

    private static LanguageModel golden(String name) {
        return LanguageModel.open(GoldenModel.of(name).folder());
    }

    private static boolean same(LanguageModel before, LanguageModel after, String name) {
        return before.weights()
                        .read(name)
                        .data()
                        .mismatch(after.weights().read(name).data())
                < 0;
    }

    private static List<String> names(Path folder) throws Exception {
        try (var files = Files.list(folder)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    private static void compressByWeLore(LanguageModel dense, Path output) {
        var recipe = CompressionRecipe.of(
                Methods.of("svd", MethodOptions.DEFAULT),
                StoragePolicy.PIVOTED,
                Allocators.of("welore", AllocatorOptions.DEFAULT),
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.9)),
                1);
        Compression.run(
                dense, new Compression.Job(recipe, output), null, Compression.Unfinished.RESUME, Progress.silent());
    }
}
