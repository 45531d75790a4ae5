package dev.lowrank.compress;

import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.LanguageModel;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// A plan whose ranks were decided by what was measured of the model, which no block is cut by yet.
///
/// @param plan with the ranks as they were decided
/// @param predictedLoss increase of the loss that the allocator expects, in nats per token; NaN if it
///     expects
///     none in that unit
/// @param keptShare share of the targets' cost that the ranks keep, in what the budget counts
/// @param notes what the allocator has to say
/// @param findings what the ranks were chosen by
/// @param command words of the command that makes this model; texts and model without their folders
/// @param respend words of the command that spends a share `{keep}` by the same curves; empty where there
///     are
///     none
/// @param run how it was measured, for the manifest. Read only
public record MeasuredPlan(
        CompressionPlan plan,
        double predictedLoss,
        double keptShare,
        List<String> notes,
        SiteFindings findings,
        List<String> command,
        List<String> respend,
        ObjectNode run) {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    public MeasuredPlan {
        notes = List.copyOf(notes);
        command = List.copyOf(command);
        respend = List.copyOf(respend);
    }

    /// Refuses a recipe for which nothing would be measured.
    ///
    /// @throws IllegalArgumentException naming the recipe
    static void requireMeasured(CompressionPlan plan) {
        var recipe = plan.recipe();
        if (!(recipe.method() instanceof SiteMethod) || plan.ranksKnown()) {
            throw new IllegalArgumentException("--curves measures what decides ranks, but " + recipe.name() + " by "
                    + recipe.spender() + " chooses none by a measurement; leave --curves out, or choose a recipe"
                    + " such as --method " + CompressionRecipe.OWN);
        }
    }

    static MeasuredPlan of(LanguageModel source, JobState job) {
        var allocation = job.allocation();
        var findings = job.findings();
        var run = JSON.createObjectNode();
        run.set("fingerprint", job.fingerprint);
        run.put("source", String.valueOf(source.checkpoint().path().getFileName()));
        run.put("allocator", job.recipe().spender());
        run.set("allocation", JSON.valueToTree(allocation.notes()));
        run.set("windows", JSON.valueToTree(job.plan.shares()));
        return new MeasuredPlan(
                job.plan.decided(allocation),
                allocation.predictedLoss(),
                job.keptShare(),
                allocation.notes(),
                findings,
                RepeatCommand.of(source, job.recipe(), job.fingerprint),
                RepeatCommand.respending(source, job.recipe(), job.fingerprint, findings),
                run);
    }
}
