package dev.lowrank.compress;

import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import java.util.ArrayList;
import java.util.List;

/// What a user should know about a result before using it.
final class Warnings {
    /// Tokens per input channel below which a Gram matrix is not to be trusted (compression.md, 3.1).
    private static final int TOKENS_PER_CHANNEL = 10;

    private Warnings() {}

    static List<String> of(LanguageModel source, JobState job, List<SiteReport> reports, long bytesAfter) {
        var warnings = new ArrayList<String>();
        if (bytesAfter > source.checkpoint().weightBytes()) {
            warnings.add("The output is larger on disk (" + bytesAfter + " bytes) than its source ("
                    + source.checkpoint().weightBytes() + "): the source's weights are quantised or of a smaller type,"
                    + " the output's are " + CompressionPlan.embeddingType(source, job.recipe()));
        }
        var tokens = job.fingerprint.path("calibration").path("tokens").asLong(0);
        var widest = job.plan.targets().stream()
                .map(SitePlan::site)
                .mapToInt(LinearSite::in)
                .max()
                .orElse(0);
        var needs = job.recipe().method().info().needs();
        var whitened = needs.contains(Statistic.SECOND_MOMENT) || needs.contains(Statistic.MODULES);
        if (whitened && tokens < (long) TOKENS_PER_CHANNEL * widest) {
            warnings.add("Calibrated on " + tokens + " tokens; the widest input has " + widest + " channels and wants "
                    + (long) TOKENS_PER_CHANNEL * widest + ". Give more --samples for a better result");
        }
        if (job.plan.headParameters() > 0) {
            warnings.add("Head and embedding were one matrix and are two now, since the weight of the final norm went"
                    + " into the head: " + job.plan.headParameters() + " numbers that --keep does not count, it counts"
                    + " the decoder linears. The whole model has " + job.plan.parametersAfter()
                    + " numbers in place of "
                    + job.plan.parametersBefore());
        }
        var kept = reports.stream().filter(site -> site.form().equals("dense")).count();
        if (kept > 0 && !job.recipe().leavesPlainModel()) {
            warnings.add(kept + " of " + reports.size() + " target sites stay dense: "
                    + (job.recipe().method() instanceof ModuleMethod
                            ? "nothing is taken from their modules"
                            : job.plan.ranksKnown()
                                    ? "no allowed form is smaller there"
                                    : "the allocator spends more elsewhere, or no allowed form is smaller there"));
        }
        reports.stream()
                .filter(site -> !site.form().equals("dense"))
                .forEach(site -> site.notes().forEach(note -> warnings.add(site.name() + ": " + note)));
        return warnings;
    }
}
