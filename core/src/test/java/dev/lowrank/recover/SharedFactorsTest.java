package dev.lowrank.recover;

import static dev.lowrank.recover.TrainingFixture.recipe;
import static dev.lowrank.recover.TrainingFixture.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.FolderVerification;
import dev.lowrank.model.Angles;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.recover.BatchOrder.Window;
import dev.lowrank.recover.RecoveryRecipe.Loss;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NoNativeLeaks
class SharedFactorsTest {
    private static final String SHARED = "model.layers.0.self_attn.q_proj.a.weight";

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa-tied", "gpt2"})
    void aFactorOfSeveralBlocksIsTrainedAndStaysOneTensor(String golden) throws Exception {
        var compressed = compressed(golden);
        var out = folder.resolve("out");
        try (var dense = golden(golden)) {
            var report = run(compressed, dense, recipe(30, Stage.END_TO_END), out, RecoveryProgress.silent());
            assertThat(report.warnings()).isEmpty();
            assertThat(report.rounds().getLast().divergence())
                    .isLessThan(0.8 * report.rounds().get(1).divergence());
        }
        assertThat(FolderVerification.verify(out).status()).isEqualTo(FolderVerification.Status.INTACT);
        assertThat(Files.size(out.resolve("model.safetensors")))
                .isEqualTo(Files.size(compressed.resolve("model.safetensors")));
        assertThat(out.resolve("config.json"))
                .hasSameBinaryContentAs(compressed.resolve("config.json"))
                .content()
                .contains("\"a\"");
        try (var before = LanguageModel.open(compressed);
                var after = LanguageModel.open(out)) {
            assertThat(after.weights().names()).isEqualTo(before.weights().names());
            assertThat(after.weights().parameters()).isEqualTo(before.weights().parameters());
            var shared = SharedFactors.of(after);
            for (var site : after.spec().sites().toList()) {
                var name = shared.stored(site.name() + ".a.weight");
                assertThat(before.weights()
                                .read(name)
                                .data()
                                .mismatch(after.weights().read(name).data()))
                        .as(name)
                        .isNotNegative();
            }
            enginesAgree(after);
        }
    }

    @Test
    void itsGradientIsTheSumOfThoseOfItsReaders() {
        var compressed = compressed("llama-gqa-tied");
        try (var model = LanguageModel.open(compressed);
                var student = new Student(model, Trained.FACTORS, sites(model), DType.F32)) {
            var window = TrainingFixture.windows(model, 1, 4).getFirst();
            for (var segment = 1; segment <= 2; segment++) {
                try (var gradients = new Gradients(student, null, Loss.DEFAULT, segment, 1)) {
                    TensorScope.tidyRun(() -> {
                        gradients.of(List.of(new Window(0, window)));
                        var slot = student.parameters().slots().get(SHARED);
                        assertThat(slot).isNotNull();
                        var gradient = slot.of(gradients.total());
                        var size = gradient.norm().item();
                        var step = gradient.mul(0.05 / size);
                        var first = slope(student, window, 0, step);
                        var second = slope(student, window, 1, step);
                        assertThat(Math.abs(first)).isGreaterThan(0.02 * size);
                        assertThat(Math.abs(second)).isGreaterThan(0.02 * size);
                        assertThat(first + second).isCloseTo(size, within(0.01 * size));
                    });
                }
            }
        }
    }

    @Test
    void theStageOfBlocksLeavesItAsItIs() {
        var compressed = compressed("llama-gqa-tied");
        var out = folder.resolve("out");
        try (var dense = golden("llama-gqa-tied")) {
            var report = run(compressed, dense, recipe(1, Stage.BLOCKS), out, RecoveryProgress.silent());
            assertThat(report.blocks())
                    .hasSize(2)
                    .allSatisfy(block -> assertThat(block.after()).isLessThan(block.before()));
        }
        try (var before = LanguageModel.open(compressed);
                var after = LanguageModel.open(out)) {
            var shared = SharedFactors.of(after);
            assertThat(shared.contains(SHARED)).isTrue();
            for (var site : after.spec().sites().toList()) {
                if (shared.readers(site).size() > 1) {
                    // Written in the basis that balances it, which is the same span.
                    assertThat(outsideSpan(before, after, shared.stored(site.name() + ".a.weight")))
                            .isLessThan(1e-4);
                }
            }
        }
    }

    @Test
    void aRunStoppedAnywhereEndsInTheSameBytes() throws Exception {
        var compressed = compressed("llama-gqa-tied");
        try (var dense = golden("llama-gqa-tied")) {
            var recipe = recipe(2, Stage.BLOCKS, Stage.END_TO_END);
            var whole = folder.resolve("whole");
            var counting = new TrainingFixture.Counting();
            run(compressed, dense, recipe, whole, counting);
            for (var stop = 2; stop <= counting.calls; stop += 2) {
                var output = folder.resolve("stopped-" + stop);
                var at = TrainingFixture.stopAt(stop);
                assertThatThrownBy(() -> run(compressed, dense, recipe, output, at))
                        .isInstanceOf(TrainingFixture.Stopped.class);
                run(compressed, dense, recipe, output, RecoveryProgress.silent());
                assertThat(TrainingFixture.hashes(output)).isEqualTo(TrainingFixture.hashes(whole));
            }
        }
    }

    /// How fast the loss changes when one block alone reads the factor moved by a step, for the step's
    /// length.
    private static double slope(Student student, int[] window, int block, Tensor step) {
        var length = step.norm().item();
        return (loss(student, window, block, step) - loss(student, window, block, step.mul(-1))) / (2 * length);
    }

    private static double loss(Student student, int[] window, int moved, Tensor step) {
        return TensorScope.tidy(() -> {
            var values = new HashMap<String, Tensor>();
            student.parameters()
                    .slots()
                    .forEach((name, slot) ->
                            values.put(name, slot.of(student.parameters().values())));
            var view = student.view(student.matrices(), false);
            var angles = Angles.of(student.spec(), 0, window.length);
            var hidden = view.embed(window);
            for (var block = 0; block < student.spec().blocks().size(); block++) {
                var own = new HashMap<>(values);
                if (block == moved) {
                    own.computeIfPresent(SHARED, (name, value) -> value.add(step));
                }
                hidden = student.block(block, own).forward(hidden, angles, null, SiteTap.NONE);
            }
            var logits =
                    view.head().logits(view.head().normed(hidden).select(0, 0)).to(DType.F64);
            var sum = 0.0;
            for (var at = 0; at < window.length - 1; at++) {
                var row = logits.select(0, at).softmax(-1).log();
                sum -= row.toDoubles()[window[at + 1]];
            }
            return sum / (window.length - 1);
        });
    }

    /// The share of a factor that the same factor of another model does not span.
    private static double outsideSpan(LanguageModel before, LanguageModel after, String name) {
        return TensorScope.tidy(() -> {
            var basis = Linalg.qr(Tensors.from(before.weights().read(name), DType.F64)
                            .t()
                            .contiguous())
                    .q(); // [in, r]
            var found = Tensors.from(after.weights().read(name), DType.F64); // [r, in]
            var inside = found.matmul(basis).matmul(basis.t());
            return found.sub(inside).norm().item() / found.norm().item();
        });
    }

    private static void enginesAgree(LanguageModel model) {
        var window = TrainingFixture.windows(model, 1, 9).getFirst();
        try (var torch = TorchDecoder.load(model, Residency.RESIDENT);
                var rows = RowDecoder.of(model, 1);
                var cache = KvCache.of(model.spec(), window.length)) {
            TensorScope.tidyRun(() -> Grad.off(() -> {
                var expected = torch.logits(List.of(window)).select(0, 0);
                var scale = expected.abs().max().item();
                for (var i = 0; i < window.length; i++) {
                    var found = rows.step(window[i], cache);
                    var want = expected.select(0, i).toFloats();
                    for (var token = 0; token < want.length; token++) {
                        assertThat((double) found[token]).isCloseTo(want[token], within(1e-4 * scale));
                    }
                }
            }));
        }
    }

    private Path compressed(String golden) {
        var compressed = folder.resolve("compressed");
        try (var dense = golden(golden)) {
            CompressedForm.write(dense, "basis-sharing", 0.5, compressed);
        }
        return compressed;
    }

    private static LanguageModel golden(String name) {
        return LanguageModel.open(GoldenModel.of(name).folder());
    }

    private static HashSet<LinearSite> sites(LanguageModel model) {
        return new HashSet<>(model.spec().sites().toList());
    }
}
