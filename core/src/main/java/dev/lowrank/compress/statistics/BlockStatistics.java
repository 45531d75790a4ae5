package dev.lowrank.compress.statistics;

import dev.lowrank.model.Feed;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteTap;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Collects the statistics of one block's sites while calibration batches run through it. Sites with the
/// same feed share what is measured at their input. Closing releases everything.
public final class BlockStatistics implements SiteTap, AutoCloseable {
    private final Map<Feed, InputSums> inputs = new EnumMap<>(Feed.class);
    private final Map<Role, SymmetricSum> outputs = new EnumMap<>(Role.class);
    private final Map<Role, Tensor> biases = new EnumMap<>(Role.class);
    private final Set<Statistic> needs;
    private final TensorStore store;
    private final Map<LinearSite, SiteStatistics> finished = new HashMap<>();

    private BlockStatistics(Set<Statistic> needs, TensorStore store) {
        this.needs = needs;
        this.store = store;
    }

    /// Prepares to measure.
    ///
    /// @param sites the block's sites that will be compressed
    /// @param needs what to measure
    /// @param bias the bias of a site in F32 `[out]`, or null; outputs are measured without it
    public static BlockStatistics of(
            List<LinearSite> sites, Set<Statistic> needs, Function<LinearSite, @Nullable Tensor> bias) {
        return of(sites, needs, role -> false, bias);
    }

    /// Prepares to measure, with some roles at their inputs even where their outputs are cheaper.
    ///
    /// @param inputs roles whose second moment must be that of the inputs
    public static BlockStatistics of(
            List<LinearSite> sites,
            Set<Statistic> needs,
            Predicate<Role> inputs,
            Function<LinearSite, @Nullable Tensor> bias) {
        var statistics = new BlockStatistics(needs, new TensorStore("block statistics"));
        var byFeed =
                sites.stream().collect(Collectors.groupingBy(site -> site.role().feed()));
        byFeed.forEach((feed, group) -> {
            var atOutputs = needs.contains(Statistic.SECOND_MOMENT)
                    && group.stream().noneMatch(site -> inputs.test(site.role()))
                    && cheaperAtOutputs(group);
            var atInput = needs.contains(Statistic.SECOND_MOMENT) && !atOutputs;
            statistics.inputs.put(
                    feed, new InputSums(group.getFirst().in(), needs, atInput, atOutputs, statistics.store));
            if (atOutputs) {
                group.forEach(site -> statistics.measureOutput(site, bias.apply(site)));
            }
        });
        return statistics;
    }

    private static boolean cheaperAtOutputs(List<LinearSite> group) {
        var in = (long) group.getFirst().in();
        var cost =
                group.stream().mapToLong(site -> (long) site.out() * site.out()).sum();
        return cost <= in * in && group.stream().allMatch(site -> site.out() <= site.in());
    }

    private void measureOutput(LinearSite site, @Nullable Tensor bias) {
        outputs.put(site.role(), new SymmetricSum(site.out(), store));
        if (bias != null) {
            biases.put(site.role(), store.keep(bias));
        }
    }

    @Override
    public void input(Feed feed, Tensor input) {
        var sums = inputs.get(feed);
        if (sums != null) {
            sums.add(input.reshape(-1, input.size(-1)));
        }
    }

    @Override
    public void output(Role role, Tensor output) {
        var sum = outputs.get(role);
        if (sum != null) {
            TensorScope.tidyRun(() -> {
                var rows = output.reshape(-1, output.size(-1));
                var bias = biases.get(role);
                sum.add(bias == null ? rows : rows.sub(bias));
            });
        }
    }

    /// Adds what another collector of the same sites has measured on other batches.
    public void add(BlockStatistics other) {
        TensorScope.tidyRun(() -> {
            inputs.forEach((feed, sums) -> sums.add(Objects.requireNonNull(other.inputs.get(feed))));
            outputs.forEach((role, sum) -> sum.add(Objects.requireNonNull(other.outputs.get(role))));
        });
    }

    /// What was measured at a site; borrowed, valid until this is closed. Several threads may ask at once.
    ///
    /// @throws dev.lowrank.tensor.NumericalException if an activation was not finite, naming the site
    public synchronized SiteStatistics of(LinearSite site) {
        return finished.computeIfAbsent(site, this::finish);
    }

    private SiteStatistics finish(LinearSite site) {
        var sums = inputs.get(site.role().feed());
        if (sums == null || needs.isEmpty()) {
            return SiteStatistics.none();
        }
        var shared = sums.finish(site, store);
        var output = outputs.get(site.role());
        if (output == null) {
            return shared;
        }
        var moment = TensorScope.tidy(
                () -> store.keep(Finite.check(output.matrix(), "calibration outputs of " + site.name())));
        return new SiteStatistics(
                shared.tokens(), shared.mean(), shared.meanAbs(), new SecondMoment.Output(moment, sums.energy), null);
    }

    @Override
    public void close() {
        store.close();
    }

    /// Sums over one feed.
    private static final class InputSums {
        private final @Nullable SymmetricSum gram;
        private final @Nullable Tensor sum;
        private final @Nullable Tensor sumAbs;
        private final boolean withEnergy;
        /// `Σ ‖x‖²`, where the second moment itself is measured at the outputs.
        private double energy;
        private long tokens;
        private @Nullable SiteStatistics finished;

        InputSums(long width, Set<Statistic> needs, boolean withGram, boolean withEnergy, TensorStore store) {
            gram = withGram ? new SymmetricSum(width, store) : null;
            sum = needs.contains(Statistic.MEAN) ? zeros(width, store) : null;
            sumAbs = needs.contains(Statistic.MEAN_ABS) ? zeros(width, store) : null;
            this.withEnergy = withEnergy;
        }

        private static Tensor zeros(long width, TensorStore store) {
            return TensorScope.tidy(() -> store.keep(Tensors.zeros(DType.F64, width)));
        }

        /// @param rows F32 `[tokens, width]`
        void add(Tensor rows) {
            tokens += rows.size(0);
            TensorScope.tidyRun(() -> {
                if (sum != null) {
                    sum.add_(rows.sum(0, false).to(DType.F64));
                }
                if (sumAbs != null) {
                    sumAbs.add_(rows.abs().sum(0, false).to(DType.F64));
                }
                if (withEnergy) {
                    energy += rows.square().sum().item();
                }
                if (gram != null) {
                    gram.add(rows);
                }
            });
        }

        void add(InputSums other) {
            tokens += other.tokens;
            if (sum != null && other.sum != null) {
                sum.add_(other.sum);
            }
            if (sumAbs != null && other.sumAbs != null) {
                sumAbs.add_(other.sumAbs);
            }
            energy += other.energy;
            if (gram != null && other.gram != null) {
                gram.add(other.gram);
            }
        }

        SiteStatistics finish(LinearSite site, TensorStore store) {
            if (finished == null) {
                var subject = "calibration inputs of " + site.name();
                finished = new SiteStatistics(
                        tokens,
                        mean(sum, subject, store),
                        mean(sumAbs, subject, store),
                        gram == null
                                ? null
                                : new SecondMoment.Input(
                                        TensorScope.tidy(() -> store.keep(Finite.check(gram.matrix(), subject)))),
                        null);
            }
            return finished;
        }

        private @Nullable Tensor mean(@Nullable Tensor total, String subject, TensorStore store) {
            return total == null
                    ? null
                    : TensorScope.tidy(() -> store.keep(Finite.check(total.div((double) tokens), subject)));
        }
    }
}
