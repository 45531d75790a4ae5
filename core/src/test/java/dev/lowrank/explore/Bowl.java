package dev.lowrank.explore;

import dev.lowrank.compress.allocate.AllocationProblem;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.allocate.Ladder;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.explore.Measures.Size;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// A model whose loss is known in closed form: every site costs by what it drops, some a hundred times
/// more.
final class Bowl implements Evaluator {
    static final List<LinearSite> SITES = sites();
    static final SearchSpace SPACE = new SearchSpace(Ladder.all(new AllocationProblem(
            SITES.stream().map(site -> Evidence.of(site, DType.BF16)).toList(),
            StoragePolicy.FACTORED,
            new Budget.Unbounded(CostUnit.BYTES),
            1,
            1,
            0,
            null)));
    static final List<Objective> OBJECTIVES = List.of(new Objective("loss", false), new Objective("bytes", false));

    final List<Configuration> asked = new ArrayList<>();

    private static List<LinearSite> sites() {
        var sites = new ArrayList<LinearSite>();
        for (var layer = 0; layer < 4; layer++) {
            for (var role : List.of(Role.Q_PROJ, Role.O_PROJ, Role.UP_PROJ)) {
                var out = role == Role.UP_PROJ ? 64 : 32;
                sites.add(new LinearSite(
                        layer, role, "layers." + layer + "." + role.id(), out, 32, false, LinearSite.Layout.OUT_IN));
            }
        }
        return List.copyOf(sites);
    }

    static Measures sized(Configuration configuration) {
        var bytes = 1000L;
        for (var site : SITES) {
            var rank = configuration.ranks().get(site.name());
            bytes += 2L * (rank == null ? site.weightParameters() : (long) rank * (site.in() + site.out()));
        }
        return Measures.of(new Size(bytes, bytes / 2, bytes, bytes));
    }

    @Override
    public Measures evaluate(Configuration configuration) {
        asked.add(configuration);
        var loss = 1.0;
        for (var site : SITES) {
            var rank = configuration.ranks().get(site.name());
            var weight = site.role() == Role.O_PROJ || site.layer() == 0 ? 1.0 : 0.01;
            loss += rank == null ? 0 : weight * Math.pow(1 - rank / 32.0, 2);
        }
        return sized(configuration).withQuality(new TreeMap<>(Map.of("loss", loss)));
    }

    SearchTask task(int evaluations, long seed, List<Constraint> constraints, List<int[]> seeds) {
        return new SearchTask(SPACE, seeds, this, Bowl::sized, OBJECTIVES, constraints, evaluations, seed);
    }

    /// Equal shares of every site's cost.
    static int[] uniform(double share) {
        var shares = new double[SPACE.sites()];
        Arrays.fill(shares, share);
        return SPACE.within(shares);
    }
}
