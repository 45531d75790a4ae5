package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// Seeded problems: small decoders with spectra that fall at different speeds and sites that matter
/// differently.
final class Samples {
    static final int HIDDEN = 48;
    static final int KEYS = 16;
    static final int WIDE = 128;

    private Samples() {}

    static LinearSite site(int layer, Role role, int out, int in) {
        return new LinearSite(
                layer, role, "model.layers." + layer + "." + role.id(), in, out, false, LinearSite.Layout.OUT_IN);
    }

    static List<LinearSite> sites(int layers) {
        var sites = new ArrayList<LinearSite>();
        for (var layer = 0; layer < layers; layer++) {
            sites.add(site(layer, Role.Q_PROJ, HIDDEN, HIDDEN));
            sites.add(site(layer, Role.K_PROJ, KEYS, HIDDEN));
            sites.add(site(layer, Role.V_PROJ, KEYS, HIDDEN));
            sites.add(site(layer, Role.O_PROJ, HIDDEN, HIDDEN));
            sites.add(site(layer, Role.GATE_PROJ, WIDE, HIDDEN));
            sites.add(site(layer, Role.UP_PROJ, WIDE, HIDDEN));
            sites.add(site(layer, Role.DOWN_PROJ, HIDDEN, WIDE));
        }
        return sites;
    }

    /// Everything measured, at random but plausibly: `singular_i = scale · (i + 1)^-p`, divergence the
    /// weighted tail, first-order changes of random sign.
    static Evidence evidence(LinearSite site, SplittableRandom random) {
        var k = Math.min(site.in(), site.out());
        var scale = 1 + 9 * random.nextDouble();
        var power = 0.3 + random.nextDouble();
        var weight = Math.exp(3 * random.nextDouble()) * 1e-3;
        var singular = new double[k];
        var first = new double[k];
        for (var i = 0; i < k; i++) {
            singular[i] = scale * Math.pow(i + 1, -power);
            first[i] = (random.nextDouble() - 0.4) * singular[i] * weight;
        }
        var divergence = Curves.tailEnergy(singular);
        for (var r = 0; r <= k; r++) {
            divergence[r] *= weight;
        }
        return new Evidence(site, DType.BF16, singular, divergence, first, random.nextDouble());
    }

    static List<Evidence> evidence(int layers, long seed) {
        var random = new SplittableRandom(seed);
        return sites(layers).stream().map(site -> evidence(site, random)).toList();
    }

    static AllocationProblem problem(int layers, double keep, long seed) {
        return problem(evidence(layers, seed), StoragePolicy.AUTO, CostUnit.PARAMETERS, keep);
    }

    static AllocationProblem problem(List<Evidence> evidence, StoragePolicy storage, CostUnit unit, double keep) {
        return new AllocationProblem(
                evidence,
                storage,
                new Budget.Share(unit, KeepRatio.keep(keep)),
                1,
                1,
                7,
                candidate -> 3 + divergence(evidence, candidate));
    }

    /// Estimated divergence of an allocation: the sum of its sites'.
    static double divergence(List<Evidence> evidence, Allocation allocation) {
        var sum = 0.0;
        for (var one : evidence) {
            sum += divergence(one, allocation.of(one.site()));
        }
        return sum;
    }

    static double divergence(Evidence evidence, Choice choice) {
        return choice.isDense() ? 0 : evidence.divergence()[choice.rank()];
    }
}
