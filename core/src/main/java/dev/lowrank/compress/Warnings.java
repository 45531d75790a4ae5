package dev.lowrank.compress;

import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;

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
        var shares = job.plan.shares();
        var tokens = shares.whitening()
                * job.fingerprint.path("calibration").path("window").asLong(0);
        var widest = job.plan.targets().stream()
                .map(SitePlan::site)
                .mapToInt(LinearSite::in)
                .max()
                .orElse(0);
        var needs = job.recipe().method().info().needs();
        var whitened = needs.contains(Statistic.SECOND_MOMENT) || needs.contains(Statistic.MODULES);
        if (whitened && tokens < (long) Shrinkage.ENOUGH * widest) {
            warnings.add("Metrics come from " + tokens + " tokens; the widest input has " + widest
                    + " channels and wants " + (long) Shrinkage.ENOUGH * widest
                    + (shares.whitening() < shares.given()
                            ? ". The recipe takes " + shares.whitening() + " of " + shares.given()
                                    + " windows for them; let it take more for a better result"
                            : ". Give more --samples for a better result"));
        }
        if (shares.most() < shares.given()) {
            warnings.add("The recipe leaves " + (shares.given() - shares.most()) + " of " + shares.given()
                    + " calibration windows unused");
        }
        if (job.plan.headParameters() > 0) {
            warnings.add("Head and embedding were one matrix and are two now, since the weight of the final norm went"
                    + " into the head: " + job.plan.headParameters() + " numbers that --keep does not count, it counts"
                    + " the decoder linears. The whole model has " + job.plan.parametersAfter()
                    + " numbers in place of "
                    + job.plan.parametersBefore());
        }
        var kept = reports.stream().filter(site -> site.form().equals("dense")).count();
        if (kept > 0 && !job.recipe().leavesPlainModel() && !job.recipe().keepsAll()) {
            var refitted = reports.stream()
                    .filter(site -> site.notes().contains(SiteCutter.REFITTED))
                    .count();
            warnings.add(kept + " of " + reports.size() + " target sites stay dense"
                    + (refitted > 0 ? ", " + refitted + " of them " + SiteCutter.REFITTED : "") + ": "
                    + (job.recipe().method() instanceof ModuleMethod
                            ? "nothing is taken from their modules"
                            : job.plan.ranksKnown()
                                    ? "no allowed form is smaller there"
                                    : "the allocator spends more elsewhere, or no allowed form is smaller there"));
        }
        var blocks = job.recipe().storage().quantization();
        if (blocks != null) {
            fallbacks(reports, blocks, warnings);
        }
        notes(job.recipe().storage().bits() == null ? reports : unsurprising(job, reports), warnings);
        return warnings;
    }

    /// Without the fallbacks of types that were chosen with them in mind.
    private static List<SiteReport> unsurprising(JobState job, List<SiteReport> reports) {
        var choices = new HashMap<String, Choice>();
        job.allocation().choices().forEach((site, choice) -> choices.put(site.name(), choice));
        return reports.stream()
                .map(report -> {
                    var blocks = job.recipe().storage().blocks(Objects.requireNonNull(choices.get(report.name())));
                    return blocks == null || report.rounding() == null
                            ? report
                            : report.without(report.rounding().notes(blocks));
                })
                .toList();
    }

    /// Parts that did not get the blocks that were asked for, by what they got.
    private static void fallbacks(List<SiteReport> reports, Quantization blocks, List<String> warnings) {
        var others = new TreeMap<String, Integer>();
        for (var site : reports) {
            if (site.rounding() != null) {
                site.rounding().types().values().stream()
                        .filter(type -> !type.equals(blocks.id()))
                        .forEach(type -> others.merge(type, 1, Integer::sum));
            }
        }
        others.forEach((type, count) -> warnings.add(count + " parts of sites are stored in " + type
                + ", because their rows are no whole blocks of " + blocks.id()));
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
