package dev.lowrank.compress;

import dev.lowrank.compress.SensitivityPass.Labels;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.allocate.Sensitivity;
import dev.lowrank.compress.method.Method;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.DType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
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
    /// Windows whose gradients are measured: more lower the noise of the curves, at the same time each.
    private static final int WINDOWS = 16;

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final LanguageModel source;
    private final DecompositionFiles files;
    private final Path work;
    private final Progress progress;

    Evidences(LanguageModel source, DecompositionFiles files, Path work, Progress progress) {
        this.source = source;
        this.files = files;
        this.work = work;
        this.progress = progress;
    }

    /// What one pass found, in a form that a file holds.
    ///
    /// @param sites by key of method and site
    record Stored(Map<String, SensitivityPass.Found> sites, double[] blockInfluence) {}

    /// Measures what some jobs need of their targets.
    ///
    /// @param windows calibration windows; empty where there is no calibration
    /// @param targets sites of all jobs
    /// @param needs of all jobs
    Gathered gather(
            List<int[]> windows, List<LinearSite> targets, List<Method> methods, Set<Sensitivity> needs, long seed) {
        var byLabels = new LinkedHashMap<Labels, Stored>();
        var wanted = new LinkedHashSet<Labels>();
        if (needs.contains(Sensitivity.DIVERGENCE) || needs.contains(Sensitivity.BLOCK_INFLUENCE)) {
            wanted.add(Labels.DRAWN);
        }
        if (needs.contains(Sensitivity.FIRST_ORDER)) {
            wanted.add(Labels.TEXT);
        }
        for (var labels : wanted) {
            if (windows.isEmpty()) {
                throw new IllegalArgumentException(
                        "Measuring what a cut does to the predictions needs a calibration text;"
                                + " give one with --calibration FILE, or choose the allocator uniform");
            }
            var some = windows.subList(0, Math.min(WINDOWS, windows.size()));
            byLabels.put(labels, stored(labels, some, targets, methods, seed));
        }
        return new Gathered(files, needs, byLabels.get(Labels.DRAWN), byLabels.get(Labels.TEXT));
    }

    private Stored stored(
            Labels labels, List<int[]> windows, List<LinearSite> targets, List<Method> methods, long seed) {
        var file = work.resolve(String.format("evidence-%s.json", labels.name().toLowerCase(Locale.ROOT)));
        var before = WorkFiles.json(file);
        if (before != null) {
            return JSON.treeToValue(before, Stored.class);
        }
        var pass = new SensitivityPass(source, windows, files, work, seed, progress);
        var result = pass.run(targets, methods, labels);
        var sites = new TreeMap<String, SensitivityPass.Found>();
        result.sites().forEach((method, found) -> found.forEach((site, one) -> sites.put(key(method, site), one)));
        var stored = new Stored(sites, result.blockInfluence());
        WorkFiles.write(file, JSON.writeValueAsBytes(stored));
        return stored;
    }

    private static String key(Method method, LinearSite site) {
        return method + " " + site.name();
    }

    /// What was gathered.
    ///
    /// @param drawn by drawn labels; null if nobody needed it
    /// @param text by the text's labels; likewise
    record Gathered(
            DecompositionFiles files,
            Set<Sensitivity> needs,
            @Nullable Stored drawn,
            @Nullable Stored text) {
        /// The evidence of one site under one method.
        ///
        /// @param dtype element type that the site will be written in
        Evidence of(Method method, LinearSite site, DType dtype) {
            var evidence = Evidence.of(site, dtype).withSingular(files.singular(site, method));
            if (drawn != null) {
                evidence = evidence.withDivergence(found(drawn, method, site).divergence())
                        .withBlockInfluence(drawn.blockInfluence()[site.layer()]);
            }
            return text == null
                    ? evidence
                    : evidence.withFirstOrder(found(text, method, site).firstOrder());
        }

        private static SensitivityPass.Found found(Stored stored, Method method, LinearSite site) {
            return Objects.requireNonNull(stored.sites().get(key(method, site)), site.name());
        }
    }
}
