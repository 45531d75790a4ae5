package dev.lowrank.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.model.Angles;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.recover.BatchOrder.Window;
import dev.lowrank.recover.RecoveryRecipe.Loss;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NoNativeLeaks
class GradientsTest {
    @TempDir
    private Path folder;

    @Test
    void blocksRunTwiceGiveTheGradientOfTheWholeGraph() {
        with(CompressedForm.PIVOTED_BIASED, (dense, model) -> {
            var whole = gradient(dense, model, DType.F32, 2, 1);
            var checkpointed = gradient(dense, model, DType.F32, 1, 1);
            assertThat(distance(checkpointed, whole)).isLessThan(1e-5);
        });
    }

    @Test
    void threadsChangeNothingButTheLastBits() {
        with(
                CompressedForm.FACTORED,
                (dense, model) -> assertThat(distance(
                                gradient(dense, model, DType.F32, 2, 2), gradient(dense, model, DType.F32, 2, 1)))
                        .isLessThan(1e-5));
    }

    @Test
    void roundedProductsPointTheSameWay() {
        with(
                CompressedForm.PIVOTED,
                (dense, model) -> assertThat(distance(
                                gradient(dense, model, DType.BF16, 2, 1), gradient(dense, model, DType.F32, 2, 1)))
                        .isLessThan(0.05));
    }

    @Test
    void withoutATeacherItIsAutogradsGradientOfTheCrossEntropy() {
        with(CompressedForm.TUCKER, (_, model) -> {
            var windows = TrainingFixture.windows(model, 3, 4);
            try (var student = new Student(model, Trained.FACTORS, compressed(model), DType.F32);
                    var gradients = new Gradients(student, null, Loss.DEFAULT, 1, 1)) {
                TensorScope.tidyRun(() -> {
                    var losses = gradients.of(numbered(windows));
                    var expected = student.parameters().zeros();
                    var sum = 0.0;
                    for (var window : windows) {
                        sum += autograd(student, window, expected, windows.size());
                    }
                    assertThat(losses.crossEntropy()).isCloseTo(sum, within(1e-5));
                    assertThat(distance(gradients.total().toDoubles(), expected.toDoubles()))
                            .isLessThan(1e-5);
                });
            }
        });
    }

    @Test
    void theTeachersTargetsAreTheSameComputedOrRead() {
        with(CompressedForm.PIVOTED, (dense, model) -> {
            var windows = numbered(TrainingFixture.windows(model, 3, 4));
            for (var residency : Residency.values()) {
                try (var targets = new TeacherTargets(
                                dense,
                                residency,
                                new Loss(0, 2, 7),
                                3,
                                TrainingFixture.WINDOW,
                                folder.resolve("t"),
                                0);
                        var decoder = TorchDecoder.load(dense, Residency.RESIDENT)) {
                    TensorScope.tidyRun(() -> {
                        targets.prepare(windows);
                        var computed = targets.of(windows.get(1));
                        var read = targets.of(windows.get(1));
                        assertThat(read.indices().equalsAll(computed.indices())).isTrue();
                        assertThat(read.probabilities().equalsAll(computed.probabilities()))
                                .isTrue();
                        var logits = decoder.logits(List.of(windows.get(1).tokens()))
                                .select(0, 0)
                                .narrow(0, 0, TrainingFixture.WINDOW - 1L);
                        var expected = logits.mul(0.5).softmax(-1).topk(7, -1);
                        assertThat(expected.indices().equalsAll(read.indices())).isTrue();
                        assertThat(expected.values()
                                        .sub(read.probabilities())
                                        .abs()
                                        .max()
                                        .item())
                                .isLessThan(1e-3);
                    });
                }
            }
        });
    }

    @Test
    void whereTheDiskHasNoRoomAStreamedTeacherIsAskedOnceForABatch() {
        var file = folder.resolve("t");
        with(CompressedForm.PIVOTED, (dense, model) -> {
            var windows = numbered(TrainingFixture.windows(model, 3, 4));
            try (var kept = targets(dense, Residency.RESIDENT, file.resolveSibling("kept"), 0);
                    var targets = targets(dense, Residency.STREAMED, file, Long.MAX_VALUE)) {
                TensorScope.tidyRun(() -> {
                    targets.prepare(windows.subList(0, 2));
                    for (var window : windows.subList(0, 2)) {
                        var top = targets.of(window);
                        assertThat(targets.of(window)).isSameAs(top);
                        assertThat(top.indices().equalsAll(kept.of(window).indices()))
                                .isTrue();
                        assertThat(top.probabilities().equalsAll(kept.of(window).probabilities()))
                                .isTrue();
                    }
                    var first = targets.of(windows.getFirst());
                    targets.prepare(windows.subList(1, 3));
                    assertThat(targets.of(windows.get(2))).isSameAs(targets.of(windows.get(2)));
                    assertThat(targets.of(windows.getFirst())).isNotSameAs(first);
                });
            }
            assertThat(file).doesNotExist();
        });
    }

    private static TeacherTargets targets(LanguageModel dense, Residency residency, Path file, long reserve) {
        return new TeacherTargets(dense, residency, new Loss(0, 2, 7), 3, TrainingFixture.WINDOW, file, reserve);
    }

    @Test
    void roomThatOthersNeedIsNotTaken() {
        var file = folder.resolve("t");
        with(CompressedForm.PIVOTED, (dense, model) -> {
            var window = numbered(TrainingFixture.windows(model, 1, 4)).getFirst();
            for (var reserve : new long[] {0, Long.MAX_VALUE}) {
                try (var targets = targets(dense, Residency.RESIDENT, file, reserve)) {
                    TensorScope.tidyRun(() -> targets.of(window));
                    assertThat(file.toFile().length()).isEqualTo(reserve == 0 ? 15 * 7 * 6 : 0);
                }
            }
        });
    }

    @Test
    void whatIsTrainedIsTheSameMatrixAndIsStoredInTheSameShapes() {
        var forms = Arrays.stream(CompressedForm.values()).filter(form -> !form.hasOutliers());
        for (var form : forms.toList()) {
            with(form, (_, model) -> {
                try (var arena = Arena.ofConfined()) {
                    for (var site : model.spec().sites().toList()) {
                        TensorScope.tidyRun(() -> {
                            var before = model.weights().linear(site);
                            var trained = TrainableForm.of(before, site.name(), arena);
                            var again = TrainableForm.stored(before, part -> part(trained, part), site.name(), arena);
                            assertThat(again.form()).isEqualTo(before.form());
                            assertThat(again.bytes()).isEqualTo(before.bytes());
                            assertThat(distance(matrix(trained), matrix(before)))
                                    .isLessThan(1e-5);
                            assertThat(distance(matrix(again), matrix(before))).isLessThan(1e-5);
                        });
                    }
                }
            });
        }
    }

    private static Tensor part(Linear linear, String name) {
        return Tensors.from(
                Objects.requireNonNull(
                        switch (name) {
                            case "bias" -> linear.bias();
                            case "weight", "a.weight" -> linear.parts().getFirst();
                            case "core.weight" -> linear.parts().get(1);
                            default -> linear.parts().getLast();
                        }),
                DType.F32);
    }

    /// The matrix that a linear stands for.
    private static double[] matrix(Linear linear) {
        return TensorScope.tidy(() -> {
            var product = Tensors.eye(DType.F64, linear.in());
            for (var i = 0; i < linear.parts().size(); i++) {
                var next = Tensors.from(linear.parts().get(i), DType.F64).matmul(product);
                product = linear instanceof Linear.Pivoted && i == 1 ? Tensors.cat(List.of(product, next), 0) : next;
            }
            return (linear instanceof Linear.Pivoted pivoted
                            ? product.indexSelect(0, Tensors.from(pivoted.index(), DType.I64))
                            : product)
                    .toDoubles();
        });
    }

    private static double[] gradient(
            LanguageModel dense, LanguageModel model, DType products, int segment, int shares) {
        var windows = numbered(TrainingFixture.windows(model, 4, 4));
        try (var folder = new Temporary();
                var student = new Student(model, Trained.FACTORS, compressed(model), products);
                var targets = new TeacherTargets(
                        dense, Residency.RESIDENT, Loss.DEFAULT, 4, TrainingFixture.WINDOW, folder.file(), 0);
                var gradients = new Gradients(student, targets, Loss.DEFAULT, segment, shares)) {
            return TensorScope.tidy(() -> {
                gradients.of(windows);
                return gradients.total().toDoubles();
            });
        }
    }

    /// Adds the gradient of a window's mean cross-entropy, all recorded at once.
    private static double autograd(Student student, int[] tokens, Tensor sum, int windows) {
        return Grad.on(() -> TensorScope.tidy(() -> {
            var view = student.view(student.matrices(), true);
            var blocks = student.spec().blocks().size();
            var angles = Angles.of(student.spec(), 0, tokens.length);
            var normed = view.head().normed(view.run(0, blocks, view.embed(tokens), angles));
            var rows = tokens.length - 1;
            var labels = new long[rows];
            for (var i = 0; i < rows; i++) {
                labels[i] = tokens[i + 1];
            }
            var losses = Functional.crossEntropy(
                    view.head().logits(normed.select(0, 0).narrow(0, 0, rows)), Tensors.ofLongs(labels, rows));
            var leaves = view.ofBlocks(0, blocks);
            leaves.putAll(view.ofNorm());
            var names = List.copyOf(leaves.keySet());
            var weight = 1.0 / (rows * windows);
            var found = Grad.of(losses, Tensors.full(weight, DType.F32, rows), new ArrayList<>(leaves.values()));
            for (var i = 0; i < names.size(); i++) {
                var gradient = found.get(i);
                var slot = Objects.requireNonNull(student.parameters().slots().get(names.get(i)));
                Grad.off(() -> slot.of(sum).add_(gradient));
            }
            return losses.sum().item() * weight;
        }));
    }

    private static double distance(double[] found, double[] expected) {
        var difference = 0.0;
        var size = 0.0;
        assertThat(found).hasSameSizeAs(expected);
        for (var i = 0; i < found.length; i++) {
            difference += (found[i] - expected[i]) * (found[i] - expected[i]);
            size += expected[i] * expected[i];
        }
        assertThat(size).isPositive();
        return Math.sqrt(difference / size);
    }

    private static Set<LinearSite> compressed(LanguageModel model) {
        return model.spec()
                .sites()
                .filter(site -> !(model.weights().linear(site) instanceof Linear.Dense))
                .collect(Collectors.toSet());
    }

    private static List<Window> numbered(List<int[]> windows) {
        var numbered = new ArrayList<Window>();
        for (var i = 0; i < windows.size(); i++) {
            numbered.add(new Window(i, windows.get(i)));
        }
        return numbered;
    }

    private void with(CompressedForm form, Use use) {
        var compressed = folder.resolve(form.name());
        try (var dense = LanguageModel.open(GoldenModel.of("llama-gqa-tied").folder())) {
            form.write(dense, 0.5, compressed);
            try (var model = LanguageModel.open(compressed)) {
                use.of(dense, model);
            }
        }
    }

    private interface Use {
        void of(LanguageModel dense, LanguageModel model);
    }

    /// A working file of one test.
    private record Temporary(Path file) implements AutoCloseable {
        Temporary() {
            this(Path.of(System.getProperty("java.io.tmpdir"), "lowrank-gradients-test-" + System.nanoTime()));
        }

        @Override
        public void close() {
            try {
                Files.deleteIfExists(file);
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
    }
}
