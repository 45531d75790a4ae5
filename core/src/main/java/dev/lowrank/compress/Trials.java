package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.TrialLoss;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.text.ValidationSet;
import java.lang.foreign.Arena;
import dev.lowrank.model.Progress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Measures candidates on validation text by cutting stored decompositions: F32 factors in memory, nothing
/// written. What a candidate computes is what its storage form would compute, without its rounding.
final class Trials implements TrialLoss {
    private final LanguageModel source;
    private final DecompositionFiles files;
    private final SiteMethod method;
    private final List<int[]> windows;
    private final Path work;
    private final TrialLosses losses;
    private final Progress progress;

    /// @param work folder of working files
    /// @param losses what was measured before
    Trials(
            LanguageModel source,
            DecompositionFiles files,
            SiteMethod method,
            ValidationSet validation,
            Path work,
            TrialLosses losses,
            Progress progress) {
        this.source = source;
        this.files = files;
        this.method = method;
        this.windows = validation.windows();
        this.work = work;
        this.losses = losses;
        this.progress = progress;
    }

    @Override
    public double of(Allocation candidate) {
        var before = losses.known(candidate);
        if (before != null) {
            return before;
        }
        var loss = measure(candidate);
        if (Double.isFinite(loss)) {
            losses.add(candidate, loss);
        }
        progress.step("trials", losses.size(), losses.size()); // how many more, only the allocator knows
        return loss;
    }

    private double measure(Allocation candidate) {
        var stream = new CalibrationStream(source, windows, work, "trial");
        stream.embed();
        for (var each : source.spec().blocks()) {
            var block = SourceBlock.of(source, each);
            TensorScope.tidyRun(() -> {
                try (var arena = Arena.ofShared()) {
                    var linears = linears(block, candidate, arena);
                    stream.forward(block.index(), block.load(site -> linears.getOrDefault(site, block.dense(site))));
                }
            });
            stream.hidden().forget(block.index());
            block.release();
        }
        var last = source.spec().blocks().size();
        try (var decoder = TorchDecoder.load(source, Residency.STREAMED)) {
            return WindowLoss.mean(decoder, stream.hidden(), last, windows);
        } finally {
            stream.hidden().forget(last);
        }
    }

    private Map<LinearSite, Linear> linears(SourceBlock block, Allocation candidate, Arena arena) {
        var cut = block.block().sites().stream()
                .filter(site -> candidate.choices().containsKey(site))
                .filter(site -> !candidate.of(site).isDense())
                .toList();
        var linears = new ConcurrentHashMap<LinearSite, Linear>();
        Compute.each(
                cut.size(),
                i -> TensorScope.tidyRun(() -> {
                    var site = cut.get(i);
                    var original = SiteCutter.of(site, block.dense(site));
                    var rank = candidate.of(site).rank();
                    linears.put(
                            site,
                            original.write(
                                    method,
                                    files.read(site, method, original.weight()),
                                    rank,
                                    StorageForm.FACTORED,
                                    DType.F32,
                                    arena));
                }));
        return linears;
    }
}
