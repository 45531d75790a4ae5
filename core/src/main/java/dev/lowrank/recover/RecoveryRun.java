package dev.lowrank.recover;

import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.recover.Recovery.Material;
import dev.lowrank.recover.RecoveryRecipe.Extent;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.recover.TrainingState.Ended;
import dev.lowrank.recover.TrainingState.Position;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// One training from its start, or from where it was stopped, to a finished folder.
final class RecoveryRun {
    /// Share of a time that the block stage gets where there is the end-to-end stage too.
    private static final double BLOCK_SHARE = 0.3;
    /// Nats by which what is written may differ from what was trained before somebody should know.
    private static final double NOTABLE = 0.02;

    private final Material material;
    private final RecoveryRecipe recipe;
    private final RecoveryPlan plan;
    private final OutputFolder folder;
    private final Path output;
    private final ObjectNode fingerprint;
    private final RecoveryProgress progress;
    private final @Nullable RecoveryPage page;

    RecoveryRun(
            Material material,
            RecoveryRecipe recipe,
            RecoveryPlan plan,
            OutputFolder folder,
            Path output,
            ObjectNode fingerprint,
            RecoveryProgress progress,
            @Nullable RecoveryPage page) {
        this.material = material;
        this.recipe = recipe;
        this.plan = plan;
        this.folder = folder;
        this.output = output;
        this.fingerprint = fingerprint;
        this.progress = progress;
        this.page = page;
    }

    RecoveryReport run() {
        return Grad.off(() -> finish(outcome()));
    }

    /// What is left of a training when its tensors are gone.
    ///
    /// @param writer has written the folder
    /// @param numbers that moved
    /// @param loss of what was trained on the windows that judge it, nats a token
    /// @param position at the end
    /// @param seconds of training
    /// @param undone what to say of stages that were undone
    private record Outcome(
            RecoveryOutput writer, long numbers, double loss, Position position, double seconds, List<String> undone) {}

    private Outcome outcome() {
        try (var student = new Student(material.model(), recipe.trained(), plan.sites(), plan.products());
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
            var seconds = state.spent();
            var undone = undoneBlocks(student, state);
            var writer = new RecoveryOutput(material.model(), student, folder);
            writer.write();
            return new Outcome(
                    writer,
                    student.parameters().count(),
                    Gradients.crossEntropy(student, judging()),
                    state.position,
                    seconds,
                    undone);
        }
    }

    /// The windows that judge what was trained.
    private List<int[]> judging() {
        var validation = material.validation();
        return validation == null ? List.of(material.training().window(0, 0)) : validation.windows();
    }

    private void refine(Student student, BatchOrder order, TrainingState state) {
        var teacher = material.teacher();
        if (teacher == null) {
            throw new IllegalStateException("The block stage has no teacher, though that was checked");
        }
        var count = Math.min(recipe.blocks().windows(), material.training().size());
        var windows =
                order.batch(0, count).stream().map(BatchOrder.Window::tokens).toList();
        new BlockRefinement(student, teacher, windows, recipe, state, until(state), folder.workFolder(), progress)
                .run();
        leave(state, state.position.ended());
    }

    /// Seconds of training at which a stage should end; infinite where steps decide. The last stage gets
    /// what is left.
    private double until(TrainingState state) {
        var stage = state.position.stage();
        var share = stage + 1 == recipe.stages().size()
                ? 1
                : recipe.stages().get(stage) == Stage.BLOCKS ? BLOCK_SHARE : 1 - BLOCK_SHARE;
        return switch (recipe.extent()) {
            case Extent.Steps _ -> Double.POSITIVE_INFINITY;
            case Extent.Time time ->
                state.position.stageStart() + share * (time.seconds() - state.position.stageStart());
        };
    }

    private void train(Student student, BatchOrder order, TrainingState state) {
        var shares = Math.min(Compute.threads(), recipe.optimisation().batch());
        try (var targets = targets();
                var gradients = new Gradients(
                        student, targets, recipe.loss(), plan.memory().segment(), shares)) {
            new EndToEnd(student, gradients, order, material.validation(), recipe, state, until(state), progress).run();
        }
        var position = state.position;
        var best = material.validation() == null
                ? position.step()
                : position.best().step();
        leave(state, new Ended(position.step(), best, position.best().stopped()));
    }

    private @Nullable TeacherTargets targets() {
        var teacher = material.teacher();
        return teacher == null || !plan.goals().contains(Goal.PREDICTIONS)
                ? null
                : new TeacherTargets(
                        teacher,
                        plan.memory().teacher(),
                        recipe.loss(),
                        material.training().size(),
                        material.training().identity().window(),
                        folder.workFolder().resolve("teacher.bin"),
                        // A run that continues has written some of it already: it then keeps less than it could.
                        plan.diskBytes(material, recipe));
    }

    private static void leave(TrainingState state, Ended ended) {
        state.position = state.position.nextStage(state.spent(), ended);
        state.mean().fill_(0);
        state.square().fill_(0);
    }

    /// Goes back to the best state before a last stage of blocks that made the validation text worse: its
    /// own measure, the error of each block, does not see that.
    ///
    /// @return what to say where that happened
    private List<String> undoneBlocks(Student student, TrainingState state) {
        var validation = material.validation();
        if (validation == null || recipe.stages().getLast() != Stage.BLOCKS) {
            return List.of();
        }
        return TensorScope.tidy(() -> {
            var after = Gradients.crossEntropy(student, validation.windows());
            var refined = state.values().copy();
            state.values().copy_(state.best());
            var before = Gradients.crossEntropy(student, validation.windows());
            if (after <= before) {
                state.values().copy_(refined);
                return List.of();
            }
            return List.of(String.format(
                    Locale.ROOT,
                    "The stage blocks raised the perplexity on the validation text from %.3f to %.3f, so what it did was"
                            + " undone. Train end-to-end after it, or use a smaller --block-rate",
                    Math.exp(before),
                    Math.exp(after)));
        });
    }

    /// What to say where the folder is not what was trained. Beside storing it, only the products may
    /// differ: what is written is judged in F32.
    ///
    /// @param trained nats a token, in the products of the training
    /// @param written nats a token, in F32
    static String difference(double trained, double written, DType products) {
        return String.format(
                Locale.ROOT,
                "What is written predicts %.4f nats a token where what was trained predicted %.4f: %s",
                written,
                trained,
                products == DType.F32
                        ? "the form and element type in which the weights are stored round notably"
                        : "products in " + products + ", in which was trained, round notably, or else the form and"
                                + " element type in which the weights are stored");
    }

    /// Judges what was written, when what was trained is gone: both together might not fit.
    private RecoveryReport finish(Outcome trained) {
        var warnings = new ArrayList<>(trained.undone());
        Double before = null;
        Double after = null;
        try (var reopened = LanguageModel.of(folder.reopen())) {
            trained.writer().check(reopened);
            var written = StoredLoss.of(reopened, judging());
            if (!(Math.abs(trained.loss() - written) <= NOTABLE)) {
                warnings.add(difference(trained.loss(), written, plan.products()));
            }
            if (material.validation() != null) {
                after = Math.exp(written);
            }
        }
        if (material.validation() != null) {
            before = Math.exp(StoredLoss.of(material.model(), judging()));
        }
        var ended = trained.position().ended();
        var tokens = ended.steps()
                * recipe.optimisation().batch()
                * material.training().identity().window();
        var report = new RecoveryReport(
                output,
                plan.goals(),
                trained.numbers(),
                plan.products().name(),
                plan.memory().segment(),
                ended.steps(),
                ended.bestStep(),
                ended.stopped(),
                tokens,
                trained.seconds(),
                before,
                after,
                trained.position().rounds(),
                trained.position().blocks(),
                warnings);
        new RecoveryRecord(material, recipe, report).write(folder, fingerprint, page);
        return report;
    }
}
