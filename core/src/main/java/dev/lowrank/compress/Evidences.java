package dev.lowrank.compress;

import dev.lowrank.compress.GradientPass.Labels;
import dev.lowrank.compress.SensitivityObservation.Found;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/// What allocators must know of the sites beyond their shapes, gathered once for all jobs and kept in a
/// file, so that a run that is continued need not measure again.
final class Evidences {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final DecompositionFiles files;
    private final @Nullable RoundingFiles roundings;
    private final Path work;
    private final String of;
    private final Measures measures;

    /// @param roundings what rounding loses; null if no type is to be chosen
    /// @param work folder of working files
    /// @param of what the decompositions were made from and what they are judged by
    Evidences(DecompositionFiles files, @Nullable RoundingFiles roundings, Path work, String of, Measures measures) {
        this.files = files;
        this.roundings = roundings;
        this.work = work;
        this.of = of;
        this.measures = measures;
    }

    /// What is measured only where an allocator asks.
    interface Measures {
        /// A gradient pass of the windows that judge decompositions.
        GradientPass pass(Labels labels);

        /// How much each block changes the residual stream.
        double[] influence();

        /// Calibration tokens that decompositions saw.
        long tokens();
    }

    /// What one pass found, in a form that a file holds.
    ///
    /// @param of what was judged by what
    /// @param sites by key of method and site
    record Stored(String of, Map<String, Found> sites) {}

    /// Measures what some jobs need of their targets.
    ///
    /// @param targets sites of all jobs
    /// @param needs of all jobs
    Gathered gather(List<LinearSite> targets, List<SiteMethod> methods, Set<Sensitivity> needs) {
        var labels = labels(needs);
        return new Gathered(
                files,
                roundings,
                measures.tokens(),
                needs.contains(Sensitivity.BLOCK_INFLUENCE) ? measures.influence() : null,
                labels.contains(Labels.DRAWN) ? stored(Labels.DRAWN, targets, methods) : null,
                labels.contains(Labels.TEXT) ? stored(Labels.TEXT, targets, methods) : null);
    }

    /// The labels that some needs ask a gradient pass for, one pass each.
    static Set<Labels> labels(Set<Sensitivity> needs) {
        var labels = EnumSet.noneOf(Labels.class);
        if (needs.contains(Sensitivity.DIVERGENCE)) {
            labels.add(Labels.DRAWN);
        }
        if (needs.contains(Sensitivity.FIRST_ORDER)) {
            labels.add(Labels.TEXT);
        }
        return labels;
    }

    private Stored stored(Labels labels, List<LinearSite> targets, List<SiteMethod> methods) {
        var file = work.resolve(String.format("evidence-%s.json", labels.name().toLowerCase(Locale.ROOT)));
        var before = WorkFiles.json(file);
        var known = before == null ? null : JSON.treeToValue(before, Stored.class);
        if (known != null && covers(known, targets, methods)) {
            return known;
        }
        var observation = new SensitivityObservation(files, roundings, methods);
        try (var pass = measures.pass(labels)) {
            pass.observe(targets, observation);
            var sites = new TreeMap<String, Found>();
            observation
                    .found()
                    .forEach((method, found) -> found.forEach((site, one) -> sites.put(key(method, site), one)));
            var stored = new Stored(of, sites);
            WorkFiles.write(file, JSON.writeValueAsBytes(stored));
            return stored;
        }
    }

    /// Whether what an earlier run measured is all that is needed now.
    private boolean covers(Stored known, List<LinearSite> targets, List<SiteMethod> methods) {
        return of.equals(known.of())
                && methods.stream()
                        .allMatch(method ->
                                targets.stream().allMatch(site -> known.sites().containsKey(key(method, site))));
    }

    private static String key(SiteMethod method, LinearSite site) {
        return method + " " + site.name();
    }

    /// What was gathered.
    ///
    /// @param roundings what rounding loses; null if no type is to be chosen
    /// @param tokens calibration tokens that second moments are sums over
    /// @param influence of each block; null if nobody needed it
    /// @param drawn by drawn labels; likewise
    /// @param text by the text's labels; likewise
    record Gathered(
            DecompositionFiles files,
            @Nullable RoundingFiles roundings,
            long tokens,
            double @Nullable [] influence,
            @Nullable Stored drawn,
            @Nullable Stored text) {
        /// The evidence of one site under one method.
        ///
        /// @param dtype element type that the site will be written in
        Evidence of(SiteMethod method, LinearSite site, DType dtype) {
            var evidence = Evidence.of(site, dtype).withSingular(singular(method, site));
            if (influence != null) {
                evidence = evidence.withBlockInfluence(influence[site.layer()]);
            }
            if (drawn != null) {
                var found = found(drawn, method, site);
                evidence = evidence.withDivergence(found.divergence());
                if (roundings != null && found.rounding() != null) {
                    evidence =
                            evidence.withRounding(roundings.losses(site, method).times(found.rounding()));
                }
            }
            return text == null
                    ? evidence
                    : evidence.withFirstOrder(found(text, method, site).firstOrder());
        }

        /// Singular values per token: second moments are sums, so their own grow with the calibration set.
        private double[] singular(SiteMethod method, LinearSite site) {
            var values = files.singular(site, method);
            if (method.info().needs().contains(Statistic.SECOND_MOMENT)) {
                var scale = Math.sqrt((double) tokens);
                Arrays.setAll(values, i -> values[i] / scale);
            }
            return values;
        }

        private static Found found(Stored stored, SiteMethod method, LinearSite site) {
            return Objects.requireNonNull(stored.sites().get(key(method, site)), site.name());
        }
    }
}
