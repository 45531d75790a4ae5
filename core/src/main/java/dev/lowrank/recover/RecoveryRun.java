package dev.lowrank.recover;

import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.compress.WorkFiles;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.recover.Recovery.Material;
import dev.lowrank.recover.RecoveryRecipe.Extent;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// One training from its start, or from where it was stopped, to a finished folder.
final class RecoveryRun {
    /// Share of a time that the block stage gets where the end-to-end stage follows.
    private static final double BLOCK_SHARE = 0.3;
    /// Nats by which what is written may differ from what was trained before somebody should know.
    private static final double NOTABLE = 0.02;

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Material material;
    private final RecoveryRecipe recipe;
    private final Set<LinearSite> sites;
    private final DType products;
    private final MemoryPlan plan;
    private final OutputFolder folder;
    private final Path output;
    private final ObjectNode fingerprint;
    private final RecoveryProgress progress;

    RecoveryRun(
            Material material,
            RecoveryRecipe recipe,
            Set<LinearSite> sites,
            DType products,
            MemoryPlan plan,
            OutputFolder folder,
            Path output,
            ObjectNode fingerprint,
            RecoveryProgress progress) {
        this.material = material;
        this.recipe = recipe;
        this.sites = sites;
        this.products = products;
        this.plan = plan;
        this.folder = folder;
        this.output = output;
        this.fingerprint = fingerprint;
        this.progress = progress;
    }

    RecoveryReport run() {
        return Grad.off(() -> {
            try (var student = new Student(material.model(), recipe.trained(), sites, products);
                    var state = new TrainingState(
                            folder.workFolder(), student.parameters().values(), material.validation() != null)) {
                state.restore();
                var order = new BatchOrder(material.training(), recipe.seed());
                while (state.position.stage() < recipe.stages().size()) {
                    switch (recipe.stages().get(state.position.stage())) {
                        case BLOCKS -> refine(student, order, state);
                        case END_TO_END -> train(student, order, state);
                    }
                }
                return finish(student, state);
            }
        });
    }

    private void refine(Student student, BatchOrder order, TrainingState state) {
        var teacher = material.teacher();
        if (teacher == null) {
            throw new IllegalStateException("The block stage has no teacher, though that was checked");
        }
        var count = Math.min(recipe.blocks().windows(), material.training().size());
        var windows =
                order.batch(0, count).stream().map(BatchOrder.Window::tokens).toList();
        new BlockRefinement(student, teacher, windows, recipe, state, blocksUntil(state), folder.workFolder(), progress)
                .run();
        leave(state);
    }

    private double blocksUntil(TrainingState state) {
        return switch (recipe.extent()) {
            case Extent.Steps _ -> Double.POSITIVE_INFINITY;
            case Extent.Time(var time) -> {
                var share = recipe.stages().contains(Stage.END_TO_END) ? BLOCK_SHARE : 1;
                yield state.position.stageStart() + share * (time.toNanos() * 1e-9 - state.position.stageStart());
            }
        };
    }

    private void train(Student student, BatchOrder order, TrainingState state) {
        var shares = Math.min(Compute.threads(), recipe.optimisation().batch());
        try (var targets = targets();
                var gradients = new Gradients(student, targets, recipe.loss(), plan.segment(), shares)) {
            new EndToEnd(student, gradients, order, material.validation(), recipe, state, progress).run();
        }
        leaveWithResult(state);
    }

    private @Nullable TeacherTargets targets() {
        var teacher = material.teacher();
        return teacher == null || recipe.loss().text() == 1
                ? null
                : new TeacherTargets(
                        teacher,
                        plan.teacher(),
                        recipe.loss(),
                        material.training().size(),
                        material.training().identity().window(),
                        folder.workFolder().resolve("teacher.bin"));
    }

    private Outcome outcome = new Outcome(0, 0, false);

    /// How the end-to-end stage ended.
    private record Outcome(long steps, long bestStep, boolean stopped) {}

    private void leaveWithResult(TrainingState state) {
        var position = state.position;
        var best = material.validation() == null ? position.step() : position.bestStep();
        outcome = new Outcome(position.step(), best, position.stopped());
        leave(state);
    }

    private static void leave(TrainingState state) {
        state.position = state.position.nextStage(state.spent());
        state.mean().fill_(0);
        state.square().fill_(0);
    }

    private RecoveryReport finish(Student student, TrainingState state) {
        var seconds = state.spent();
        var writer = new RecoveryOutput(material.model(), student, folder);
        writer.write();
        var warnings = new ArrayList<String>();
        var validation = material.validation();
        Double before = null;
        Double after = null;
        try (var reopened = LanguageModel.of(folder.reopen())) {
            writer.check(reopened);
            var windows = validation == null ? List.of(material.training().window(0, 0)) : validation.windows();
            var trained = Gradients.crossEntropy(student, windows);
            var written = StoredLoss.of(reopened, windows);
            if (!(Math.abs(trained - written) <= NOTABLE)) {
                warnings.add(String.format(
                        Locale.ROOT,
                        "What is written predicts %.4f nats a token where what was trained predicted %.4f: the element"
                                + " type of the weights rounds notably",
                        written,
                        trained));
            }
            if (validation != null) {
                before = Math.exp(StoredLoss.of(material.model(), windows));
                after = Math.exp(written);
            }
        }
        var tokens = outcome.steps()
                * recipe.optimisation().batch()
                * material.training().identity().window();
        var report = new RecoveryReport(
                output,
                student.parameters().count(),
                products.name(),
                plan.segment(),
                outcome.steps(),
                outcome.bestStep(),
                outcome.stopped(),
                tokens,
                seconds,
                before,
                after,
                state.position.rounds(),
                state.position.blocks(),
                warnings);
        commit(report);
        return report;
    }

    private void commit(RecoveryReport report) {
        var source = material.model().checkpoint().path();
        folder.write("README.md", card(source, report).getBytes(StandardCharsets.UTF_8));
        var run = Manifest.read(source).run();
        var own = JSON.createObjectNode();
        own.set("fingerprint", fingerprint);
        own.put("trained_parameters", report.trainedParameters());
        own.put("steps", report.steps());
        own.put("best_step", report.bestStep());
        own.put("stopped_early", report.stoppedEarly());
        own.put("tokens", report.tokens());
        if (report.before() != null && report.after() != null) {
            own.put("validation_perplexity_before", report.before());
            own.put("validation_perplexity_after", report.after());
        }
        own.set("rounds", JSON.valueToTree(report.rounds()));
        own.set("blocks", JSON.valueToTree(report.blocks()));
        own.set("warnings", JSON.valueToTree(report.warnings()));
        run.withArray("recovered").add(own);
        folder.commit(run);
    }

    /// The card of the model it was trained from, and what was done.
    private String card(Path source, RecoveryReport report) {
        var teacher = material.teacher();
        return readme(source)
                + String.format(
                        Locale.ROOT,
                        """

                        ## Trained after compression

                        `lowrank recover` trained %,d numbers (%s) for %,d steps of %d windows of %d tokens, towards %s. \
                        Storage forms, ranks and bytes are as before. %s`lowrank.json` holds every setting.
                        """,
                        report.trainedParameters(),
                        recipe.trained().id(),
                        report.steps(),
                        recipe.optimisation().batch(),
                        material.training().identity().window(),
                        teacher == null
                                ? "the text alone"
                                : "the text and the predictions of "
                                        + teacher.checkpoint().path().getFileName(),
                        report.before() == null || report.after() == null
                                ? ""
                                : String.format(
                                        Locale.ROOT,
                                        "Perplexity on the validation text: %.3f before, %.3f after. ",
                                        report.before(),
                                        report.after()));
    }

    private static String readme(Path source) {
        var file = source.resolve("README.md");
        try {
            return Files.isRegularFile(file) ? Files.readString(file) : "# " + source.getFileName() + "\n";
        } catch (IOException failure) {
            throw WorkFiles.failed(file, failure);
        }
    }
}
