package dev.lowrank.compress;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.GradientMoment;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/// The second moment of the loss gradient at the output of every target, measured before anything is
/// decomposed; one F32 file for each site, so that no more than a block's worth is in memory.
final class OutputGradients implements GradientPass.Observation<GradientMoment> {
    private static final String MOMENT = "moment";

    private final Path folder;

    /// @param folder of the working files
    OutputGradients(Path folder) {
        this.folder = folder;
    }

    /// Where the moment of a site lies.
    Path file(LinearSite site) {
        return folder.resolve(String.format(
                Locale.ROOT,
                "felt-%05d-%s.safetensors",
                site.layer(),
                site.role().id()));
    }

    @Override
    public GradientMoment start(SourceBlock block, LinearSite site, TensorStore store) {
        return new GradientMoment(site.out(), store);
    }

    @Override
    public void add(GradientMoment sums, Tensor input, Tensor output, Tensor gradient) {
        sums.add(gradient);
    }

    @Override
    public void merge(GradientMoment sums, GradientMoment other) {
        sums.add(other);
    }

    @Override
    public void finish(LinearSite site, GradientMoment sums) {
        TensorScope.tidyRun(() -> {
            try (var arena = Arena.ofConfined()) {
                var moment = sums.mean(site.name()).toHost(DType.F32, arena);
                WorkFiles.writeTensors(file(site), Map.of(MOMENT, moment), Map.of());
            }
        });
    }

    /// What a method is told of a site: with the moment, where it asks for it. In the innermost scope.
    SiteStatistics completing(SiteStatistics statistics, SiteMethod method, LinearSite site) {
        return method.info().needs().contains(Statistic.OUTPUT_GRADIENT)
                ? statistics.withOutputGradient(read(site))
                : statistics;
    }

    /// The moment of a site, F64 `[out, out]`, in the innermost scope.
    private Tensor read(LinearSite site) {
        try (var file = SafetensorsFile.open(file(site))) {
            return Tensors.from(file.tensor(MOMENT), DType.F64);
        }
    }
}
