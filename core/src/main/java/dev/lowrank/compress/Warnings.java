package dev.lowrank.compress;

import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import java.util.ArrayList;
import java.util.List;

/// What a user should know about a result before using it.
final class Warnings {
    /// Sites whose notes are repeated as warnings.
    private static final int NOTED_SITES = 3;

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
        if (whitened && tokens < (long) Shrinkage.ENOUGH * widest) {
            warnings.add("Calibrated on " + tokens + " tokens; the widest input has " + widest + " channels and wants "
                    + (long) Shrinkage.ENOUGH * widest + ". Give more --samples for a better result");
        }
        var kept = reports.stream().filter(site -> site.form().equals("dense")).count();
        if (kept > 0 && !(job.recipe().method() instanceof BlockRemoval)) {
            warnings.add(kept + " of " + reports.size() + " target sites stay dense: "
                    + (job.recipe().method() instanceof ModuleMethod
                            ? "nothing is taken from their modules"
                            : job.plan.ranksKnown()
                                    ? "no allowed form is smaller there"
                                    : "the allocator spends more elsewhere, or no allowed form is smaller there"));
        }
        notes(reports, warnings);
        return warnings;
    }

    /// What happened at single sites, each in full as long as they are few.
    private static void notes(List<SiteReport> reports, List<String> warnings) {
        var noted = reports.stream()
                .filter(site -> !site.form().equals("dense") && !site.notes().isEmpty())
                .toList();
        noted.stream()
                .limit(NOTED_SITES)
                .forEach(site -> warnings.add(site.name() + ": " + String.join("; ", site.notes())));
        if (noted.size() > NOTED_SITES) {
            warnings.add((noted.size() - NOTED_SITES) + " more sites have notes; the manifest (" + Manifest.FILE_NAME
                    + ") and --json list them all");
        }
    }
}
