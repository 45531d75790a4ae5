package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.FolderVerification;
import dev.lowrank.checkpoint.FolderVerification.Status;
import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.BudgetCurves;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.testing.NoNativeLeaks;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Ranks by measurement, before and beside a compression.
@NoNativeLeaks
class MeasuredPlanTest {
    private static final Path MODEL = Path.of("src/test/resources/golden/models/llama-gqa-tied");

    @TempDir
    private Path folder;

    private static CompressionRecipe recipe(String name) {
        var half = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.5));
        return CompressionRecipe.named(name, MethodOptions.DEFAULT, half, 0);
    }

    private MeasuredPlan measure(LanguageModel source, String name, Progress progress) {
        var job = new Job(recipe("lowrank"), folder.resolve(name));
        return Compression.measure(
                source,
                job,
                CompressionTest.calibration(),
                null,
                Unfinished.RESUME,
                progress,
                measured ->
                        Map.of("page.html", String.join(" ", measured.command()).getBytes(StandardCharsets.UTF_8)));
    }

    private OutputRecord compress(LanguageModel source, String name, @Nullable String stop) {
        var seen = new ArrayList<OutputRecord>();
        var page = (OutputPage) made -> {
            seen.add(made);
            return made.findings().toString().getBytes(StandardCharsets.UTF_8);
        };
        var job = new Job(recipe("lowrank"), folder.resolve(name), page);
        Compression.runAll(
                source,
                List.of(job),
                CompressionTest.calibration(),
                null,
                Unfinished.RESUME,
                (what, done, total) -> stopAt(what, done, stop));
        return seen.getFirst();
    }

    private static void stopAt(String what, long done, @Nullable String stop) {
        if (what.equals(stop) && done == 1) {
            throw new Stopped();
        }
    }

    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    @Test
    void theRanksAreThoseThatACompressionWrites() {
        try (var source = LanguageModel.open(MODEL)) {
            var measured = measure(source, "plan", Progress.silent());
            var made = compress(source, "model", null);
            var ranks = new HashMap<String, String>();
            measured.plan().targets().forEach(target -> ranks.put(target.site().name(), target.form() + target.rank()));
            made.report()
                    .sites()
                    .forEach(site -> assertThat(ranks).containsEntry(site.name(), site.form() + site.rank()));
            assertThat(measured.plan().parametersAfter())
                    .isEqualTo(made.report().parametersAfter());
            assertThat(measured.predictedLoss()).isPositive();
            assertThat(measured.command()).isEqualTo(made.command());
            assertThat(measured.respend()).containsSequence("--keep", "{keep}").contains("--allocate", "knapsack");
            assertThat(measured.findings().spectra())
                    .hasSameSizeAs(measured.plan().targets());
            assertThat(FolderVerification.verify(folder.resolve("plan")).status())
                    .isEqualTo(Status.INTACT);
            assertThat(folder.resolve("plan/model.safetensors")).doesNotExist();
        }
    }

    @Test
    void aMeasurementThatWasStoppedContinues() throws Exception {
        try (var source = LanguageModel.open(MODEL)) {
            measure(source, "whole", Progress.silent());
            assertThatThrownBy(() -> measure(source, "out", (what, done, total) -> stopAt(what, done, "decompose")))
                    .isInstanceOf(Stopped.class);
            var first = new ArrayList<Long>();
            measure(source, "out", (what, done, total) -> {
                if (what.equals("decompose")) {
                    first.add(done);
                }
            });
            assertThat(first).doesNotContain(0L);
            assertThat(Files.readAllBytes(folder.resolve("out/page.html")))
                    .isEqualTo(Files.readAllBytes(folder.resolve("whole/page.html")));
        }
    }

    @Test
    void aRunThatIsContinuedStillKnowsWhatItDecidedBy() {
        try (var source = LanguageModel.open(MODEL)) {
            var whole = curves(compress(source, "whole", null));
            assertThatThrownBy(() -> compress(source, "out", "update")).isInstanceOf(Stopped.class);
            var continued = curves(compress(source, "out", null));
            assertThat(continued.sites()).hasSameSizeAs(whole.sites());
            for (var i = 0; i < whole.sites().size(); i++) {
                assertThat(continued.sites().get(i).losses())
                        .isEqualTo(whole.sites().get(i).losses());
            }
        }
    }

    private static BudgetCurves curves(OutputRecord made) {
        return Objects.requireNonNull(made.findings().curves());
    }

    @Test
    void aRecipeThatMeasuresNothingIsRefused() {
        try (var source = LanguageModel.open(MODEL)) {
            var job = new Job(recipe("svd"), folder.resolve("out"));
            assertThatThrownBy(() -> Compression.measure(
                            source, job, null, null, Unfinished.RESUME, Progress.silent(), measured -> Map.of()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("svd by uniform");
            assertThat(folder).isEmptyDirectory();
        }
    }
}
