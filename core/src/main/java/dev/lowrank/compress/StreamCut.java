package dev.lowrank.compress;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.method.StreamAxes;
import dev.lowrank.compress.method.StreamRotation;
import dev.lowrank.compress.statistics.StreamMoment;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Narrows the residual stream for one job: a pass of calibration text through the whole model finds the
/// axes, then every block is rotated and written.
final class StreamCut {
    /// What the working files were made from: the job's own folder, which its fingerprint guards.
    private static final String FOUND = "job";

    private static final String AXES = "axes.safetensors";
    private static final String KEPT = "kept";

    private final LanguageModel source;
    private final JobState job;
    private final StreamRotation method;
    private final List<int[]> windows;
    private final Progress progress;
    private final StreamPlan plan;

    /// @param windows calibration windows
    StreamCut(LanguageModel source, JobState job, StreamRotation method, List<int[]> windows, Progress progress) {
        this.source = source;
        this.job = job;
        this.method = method;
        this.windows = windows;
        this.progress = progress;
        plan = StreamPlan.of(
                source,
                job.recipe(),
                job.plan.targets().stream().map(SitePlan::site).toList());
    }

    /// Rotates, then writes every block that is not finished yet.
    void run() {
        var tables = job.folder.folder().resolve(StreamTables.FILE);
        job.decide(plan.blueprint());
        TensorScope.tidyRun(() -> {
            var files = List.of(axesFile(), tables);
            if (!job.state.rotated(FOUND, files)) {
                job.time.calibratingAndDecomposing(this::findAxes);
                job.time.calibratingAndDecomposing(() -> new StreamTables(source, job, axes()).write());
                job.state.finishRotation(FOUND, files);
            }
            job.replace(tables);
            var axes = axes();
            job.explain(notes(axes), List.of());
            write(axes, tables);
        });
    }

    private void write(StreamAxes axes, Path tables) {
        var blocks = source.spec().blocks();
        var start = job.restore(blocks.size(), block -> 0);
        if (start == 0) {
            try (var file = SafetensorsFile.open(tables)) {
                var embedding = file.tensor(job.blueprint().spec().embedding() + ".weight");
                job.startProbe(Embedding.of(embedding), embedding.dtype());
            }
        }
        for (var index = start; index < blocks.size(); index++) {
            progress.step("compress", index, blocks.size());
            var block = SourceBlock.of(source, blocks.get(index));
            TensorScope.tidyRun(() -> {
                try (var arena = Arena.ofShared()) {
                    var outcomes = new LinkedHashMap<LinearSite, Outcome>();
                    job.time.calibratingAndDecomposing(() -> outcomes.putAll(turned(block, axes, arena)));
                    job.time.writing(() -> new BlockWriter(job, block, outcomes, any -> 0).write(arena));
                }
            });
            block.release();
            if (index > 0) {
                job.probe.forget(index - 1);
            }
        }
        progress.step("compress", blocks.size(), blocks.size());
    }

    private Path axesFile() {
        return job.folder.workFolder().resolve(AXES);
    }

    /// The axes that were found, in the innermost scope.
    private StreamAxes axes() {
        try (var file = SafetensorsFile.open(axesFile())) {
            var kept = Double.parseDouble(Objects.requireNonNull(file.metadata().get(KEPT)));
            return new StreamAxes(Tensors.from(file.tensor("basis")), kept);
        }
    }

    private void findAxes() {
        TensorScope.tidyRun(() -> {
            var axes = method.axes(moment(), plan.width());
            try (var arena = Arena.ofConfined()) {
                WorkFiles.writeTensors(
                        axesFile(),
                        Map.of("basis", axes.basis().toHost(DType.F64, arena)),
                        Map.of(KEPT, Double.toString(axes.kept())));
            }
        });
    }

    /// The second moment of what all norms of the model see, F64, in the innermost scope.
    private Tensor moment() {
        var spec = source.spec();
        var stream = new CalibrationStream(source, windows, job.folder.workFolder(), "stream");
        var sums = new ArrayList<StreamMoment>();
        try {
            for (var share = 0; share < stream.shares(); share++) {
                sums.add(new StreamMoment(spec.hiddenSize(), spec.norm().epsilon()));
            }
            stream.embed();
            for (var each : spec.blocks()) {
                progress.step("stream", each.index(), spec.blocks().size());
                var block = SourceBlock.of(source, each);
                TensorScope.tidyRun(() -> measure(stream, block, sums));
                stream.hidden().forget(each.index());
                block.release();
            }
            stream.hidden().forget(spec.blocks().size());
            progress.step("stream", spec.blocks().size(), spec.blocks().size());
            sums.subList(1, sums.size()).forEach(sums.getFirst()::add);
            return sums.getFirst().finish("residual stream");
        } finally {
            sums.forEach(StreamMoment::close);
        }
    }

    /// Runs the windows through a block and adds the stream before it, between its halves and, after the
    /// last one, behind it: what its two norms and the final one see.
    private void measure(CalibrationStream stream, SourceBlock block, List<StreamMoment> sums) {
        var index = block.index();
        var last = index + 1 == source.spec().blocks().size();
        var loaded = block.load();
        var angles = stream.angles();
        stream.eachBatch((share, batch) -> {
            var sum = sums.get(share);
            var input = stream.hidden().read(index, batch.first(), batch.count());
            sum.add(input);
            var attended = loaded.attended(input, loaded.heads(input, angles));
            sum.add(attended);
            var output = loaded.output(attended, loaded.mlpHidden(attended));
            if (last) {
                sum.add(output);
            }
            stream.hidden().write(index + 1, batch.first(), output);
        });
        for (var sum : sums) {
            TensorScope.tidyRun(() -> sum.finish("residual stream in block " + index));
        }
    }

    private List<String> notes(StreamAxes axes) {
        return List.of(String.format(
                Locale.ROOT,
                "residual stream of %d axes in place of %d; they hold %.6f of what norms see of it",
                plan.width(),
                source.spec().hiddenSize(),
                axes.kept()));
    }

    private Map<LinearSite, Outcome> turned(SourceBlock block, StreamAxes axes, Arena arena) {
        var sites = block.block().sites();
        var results = new Outcome[sites.size()];
        SiteWork.each(sites, (site, i) -> results[i] = TensorScope.tidy(() -> turned(block, site, axes, arena)));
        var outcomes = new LinkedHashMap<LinearSite, Outcome>();
        for (var i = 0; i < results.length; i++) {
            outcomes.put(sites.get(i), results[i]);
        }
        return outcomes;
    }

    private Outcome turned(SourceBlock block, LinearSite site, StreamAxes axes, Arena arena) {
        var original = SiteCutter.of(site, block.dense(site));
        var weight = original.weight();
        var bias = original.bias();
        var norm = norm(block, site);
        if (norm != null) {
            weight = axes.reader(weight, SiteWriter.exact(source.weights().scale(norm), norm + ".weight"));
        } else {
            weight = axes.writer(weight);
            bias = bias == null ? null : axes.rows(bias.unsqueeze(0)).squeeze(0);
        }
        var dtype = CompressionPlan.dtype(source, job.recipe(), site);
        var linear = SiteWriter.dense(weight, bias, dtype, arena, site.name());
        var planned = SitePlan.narrowed(site, StreamPlan.narrowed(site, plan.width()), dtype);
        return new Outcome(
                linear,
                new SiteReport(
                        site.name(),
                        planned.form(),
                        planned.rank(),
                        axes.relativeError(),
                        planned.parametersAfter(),
                        linear.bytes(),
                        List.of()));
    }

    /// The norm that a site reads the stream through; null for one that adds to the stream.
    private static @Nullable String norm(SourceBlock block, LinearSite site) {
        return switch (site.role().feed()) {
            case ATTENTION_INPUT -> block.block().attentionNorm();
            case MLP_INPUT -> block.block().mlpNorm();
            case ATTENTION_OUTPUT, MLP_HIDDEN -> null;
        };
    }
}
