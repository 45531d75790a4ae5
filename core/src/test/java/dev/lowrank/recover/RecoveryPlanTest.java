package dev.lowrank.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.recover.Recovery.Material;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.tensor.DType;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@NoNativeLeaks
class RecoveryPlanTest {
    @TempDir
    private Path folder;

    /// Norms with a shift and biases are GPT-2's.
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = ".*_SPARSE")
    void whereNothingIsSharedItKnowsHowManyNumbersMove(CompressedForm form) {
        for (var name : new String[] {"llama-gqa-tied", "gpt2"}) {
            var compressed = folder.resolve(name);
            try (var dense = LanguageModel.open(GoldenModel.of(name).folder())) {
                form.write(dense, 0.5, compressed);
            }
            try (var model = LanguageModel.open(compressed)) {
                var recipe = TrainingFixture.with(TrainingFixture.recipe(1, Stage.END_TO_END), Trained.LINEARS);
                var plan = RecoveryPlan.of(new Material(model, null, TrainingFixture.training(model), null), recipe);
                try (var student = new Student(model, Trained.LINEARS, plan.sites(), DType.F32)) {
                    assertThat(plan.numbers()).isEqualTo(student.parameters().count());
                }
            }
        }
    }

    @Test
    void theDiskHoldsThreeFilesOfTheStateWhileOneReplacesAnother() throws Exception {
        var compressed = folder.resolve("compressed");
        var out = folder.resolve("out");
        try (var dense = LanguageModel.open(GoldenModel.of("llama-gqa-tied").folder())) {
            CompressedForm.FACTORED.write(dense, 0.5, compressed);
        }
        var recipe = TrainingFixture.recipe(3, Stage.END_TO_END);
        var last = 1 + 3 + 3; // a look before the first step and after each
        assertThatThrownBy(() -> TrainingFixture.run(compressed, null, recipe, out, TrainingFixture.stopAt(last)))
                .isInstanceOf(TrainingFixture.Stopped.class);
        try (var model = LanguageModel.open(compressed);
                var files = Files.list(folder.resolve("out.partial/.work"))) {
            var material = new Material(model, null, TrainingFixture.training(model), null);
            var plan = RecoveryPlan.of(material, recipe);
            assertThat(files.filter(file -> file.toString().endsWith(".safetensors")))
                    .hasSize(2)
                    .allSatisfy(file ->
                            assertThat(Files.size(file) - 16 * plan.numbers()).isBetween(0L, 1000L));
            assertThat(plan.diskBytes(material, recipe))
                    .isEqualTo(2 * model.checkpoint().weightBytes() + 3 * 16 * plan.numbers());
        }
    }

    @Test
    void aFolderThatDiffersFromWhatWasTrainedIsSaidWithWhatMayBeTheReason() {
        assertThat(RecoveryRun.difference(1, 1.5, DType.F32))
                .startsWith("What is written predicts 1.5000 nats a token where what was trained predicted 1.0000: the"
                        + " form and element type in which the weights are stored")
                .doesNotContain("products");
        assertThat(RecoveryRun.difference(1, 1.5, DType.BF16)).contains("products in BF16", "or else the form");
    }
}
