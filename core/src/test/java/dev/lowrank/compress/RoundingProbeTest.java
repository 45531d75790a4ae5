package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.method.Problem;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.RoundingMetric;
import dev.lowrank.compress.quantize.SiteRounding;
import dev.lowrank.compress.statistics.SecondMoment;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What types are predicted to lose, and what they lose.
@NoNativeLeaks
class RoundingProbeTest {
    private static final LinearSite SITE =
            new LinearSite(0, Role.O_PROJ, "o", 256, 256, false, LinearSite.Layout.OUT_IN);

    @TempDir
    private Path folder;

    @Test
    void typesAreOrderedAsTheyTurnOutAtRanksThatWereNotMeasured() {
        TensorScope.tidyRun(() -> {
            var bits = Bits.standard(false);
            var method = (SiteMethod) Methods.of("svd-llm", MethodOptions.DEFAULT);
            var weight = Tensors.randn(1, DType.F64, 256, 256);
            var inputs = Tensors.randn(2, DType.F64, 4096, 256)
                    .matmul(Tensors.randn(3, DType.F64, 256, 256).add(Tensors.eye(DType.F64, 256)));
            var moment = inputs.t().matmul(inputs);
            var statistics = SiteStatistics.of(4096, new SecondMoment.Input(moment));
            var site = new SiteCutter(SITE, weight, null);
            var decomposition = method.decompose(new Problem(SITE, weight, statistics));
            var probe = new RoundingProbe(bits, StoragePolicy.FACTORED, null);
            var probed = probe.measure(site, method, decomposition, statistics, DType.BF16);

            var metric = RoundingMetric.of(moment, "inputs");
            var unit = metric.cost(probed.error());
            assertThat(probed.losses().of(choice(StorageForm.DENSE, 256, DType.Q4_0)))
                    .isCloseTo(1, within(1e-9));
            for (var rank : List.of(96, 32)) {
                var before = Double.POSITIVE_INFINITY;
                for (var type : bits.types()) {
                    var exact =
                            site.write(method, decomposition, rank, StorageForm.FACTORED, DType.F64, Arena.ofAuto());
                    var report = new SiteRounding(bits.of(type), DType.BF16, Arena.ofAuto())
                            .round(exact, weight, metric, "o")
                            .report();
                    var truth = (report.joint() - SiteRounding.fittedCost(exact, weight, metric, "o")) / unit;
                    var predicted = probed.losses().of(choice(StorageForm.FACTORED, rank, type));
                    assertThat(predicted).as("%s at %d", type, rank).isCloseTo(truth, within(truth * 0.5));
                    assertThat(predicted).as("%s at %d", type, rank).isLessThan(before);
                    before = predicted;
                }
            }
        });
    }

    @Test
    void whatWasFoundIsReadBack() {
        TensorScope.tidyRun(() -> {
            var files = new RoundingFiles(folder);
            var method = (SiteMethod) Methods.of("svd-llm", MethodOptions.DEFAULT);
            var weight = Tensors.randn(1, DType.F64, 256, 256);
            var statistics = SiteStatistics.of(4096, new SecondMoment.Input(Tensors.eye(DType.F64, 256)));
            var decomposition = method.decompose(new Problem(SITE, weight, statistics));
            var probed = new RoundingProbe(Bits.standard(true), StoragePolicy.AUTO, null)
                    .measure(new SiteCutter(SITE, weight, null), method, decomposition, statistics, DType.BF16);
            files.write(SITE, method, probed);
            var losses = files.losses(SITE, method);
            for (var type : Bits.standard(true).types()) {
                for (var rank : List.of(32, 100, 160)) {
                    var choice = choice(StorageForm.PIVOTED, rank, type);
                    assertThat(losses.of(choice)).isEqualTo(probed.losses().of(choice));
                }
            }
            assertThat(files.error(SITE, method)
                            .sub(probed.error().to(DType.F32))
                            .abs()
                            .max()
                            .item())
                    .isZero();
        });
    }

    private static Choice choice(StorageForm form, int rank, DType type) {
        return new Choice(form, rank, false, type);
    }
}
