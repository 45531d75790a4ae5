package dev.lowrank.compress.allocate;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/// More is taken from layers that change the residual stream less.
///
/// With `s_l = 1 - mean cos(x_in, x_out)` of a layer, the removed share is `φ_l = L φ̄ softmax(-s / ε)_l`,
/// capped; all sites of a layer keep `1 - φ_l` of their cost. `φ̄` is the mean that meets the budget.
///
/// Source: MoDeGPT, Lin et al., arXiv:2408.09632, section 3.3. Deviation: what the cap leaves unremoved is
/// taken from the other layers, by the same softmax.
///
/// @param temperature `ε`; 0.05 to 0.15 in the paper
/// @param cap the largest removed share; 0.8 to 0.95 in the paper
record BlockInfluence(double temperature, double cap) implements BlockAllocator {
    private static final AllocatorInfo INFO = new AllocatorInfo(
            "influence", "softmax over block influences", "arXiv:2408.09632", Set.of(Sensitivity.BLOCK_INFLUENCE));

    /// Below this a layer's share counts as this, so that every layer can be asked in the end.
    private static final double SMALLEST = 1e-9;

    BlockInfluence {
        if (!(temperature > 0) || !(cap > 0 && cap < 1)) {
            throw new IllegalArgumentException(
                    "The influence rule takes a temperature above 0 and a cap in (0, 1), but was " + "given "
                            + temperature + " and " + cap);
        }
    }

    @Override
    public AllocatorInfo info() {
        return INFO;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(INFO.id(), INFO.needs());
        var ladders = Ladders.of(problem);
        var weights = weights(problem);
        return ladders.allocation(
                ladders.meet(kept -> rungs(ladders, weights, -kept), -cap / SMALLEST, 0, "the influence rule's cap"));
    }

    @Override
    public double[] kept(double[] influence, double removed) {
        var shares = softmax(influence);
        for (var i = 0; i < shares.length; i++) {
            shares[i] = 1 - Math.min(cap, removed * shares.length * shares[i]);
        }
        return shares;
    }

    @Override
    public boolean needsInfluence() {
        return true;
    }

    /// More for blocks of less influence; none below [#SMALLEST].
    private double[] softmax(double[] influence) {
        var least = Arrays.stream(influence).min().orElse(0);
        var weights = Arrays.stream(influence)
                .map(value -> Math.exp((least - value) / temperature))
                .toArray();
        var sum = Arrays.stream(weights).sum();
        return Arrays.stream(weights)
                .map(weight -> Math.max(SMALLEST, weight / sum))
                .toArray();
    }

    private int[] rungs(Ladders ladders, double[] weights, double removed) {
        var rungs = new int[ladders.sites()];
        for (var i = 0; i < rungs.length; i++) {
            var ladder = ladders.get(i);
            var share = 1 - Math.min(cap, removed * weights[i]);
            rungs[i] = share >= 1 ? ladder.dense() : ladder.within(share * ladder.denseCost());
        }
        return rungs;
    }

    /// The softmax over layers, read at each site.
    private double[] weights(AllocationProblem problem) {
        var layers = new TreeMap<Integer, Double>();
        for (var one : problem.evidence()) {
            layers.put(one.site().layer(), one.blockInfluence());
        }
        var shares = softmax(
                layers.values().stream().mapToDouble(Double::doubleValue).toArray());
        var places = List.copyOf(layers.keySet());
        return problem.evidence().stream()
                .mapToDouble(one -> shares[places.indexOf(one.site().layer())])
                .toArray();
    }
}
