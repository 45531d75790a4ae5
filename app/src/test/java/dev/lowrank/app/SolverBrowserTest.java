package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import dev.lowrank.app.report.Budget;
import dev.lowrank.app.report.Report;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.AllocationProblem;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.BudgetCurves;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/// The page's solver beside the program's, on problems of every kind.
@Tag("browser")
class SolverBrowserTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final List<StoragePolicy> STORAGES =
            List.of(StoragePolicy.AUTO, StoragePolicy.FACTORED, StoragePolicy.PIVOTED);

    /// @param centred whether a cut site gains a bias
    private record Kind(StoragePolicy storage, CostUnit unit, int multiple, double floor, boolean centred) {
        private static Kind draw(SplittableRandom random) {
            return new Kind(
                    STORAGES.get(random.nextInt(3)),
                    CostUnit.values()[random.nextInt(3)],
                    List.of(1, 3, 8, 16).get(random.nextInt(4)),
                    random.nextBoolean() ? 0 : 0.2,
                    random.nextBoolean());
        }

        private AllocationProblem problem(List<Evidence> evidence, double keep) {
            var share = new dev.lowrank.compress.allocate.Budget.Share(unit, KeepRatio.keep(keep));
            return new AllocationProblem(evidence, storage, share, multiple, 1, 0, null, centred);
        }

        private Allocator allocator() {
            return Allocators.of("knapsack", new AllocatorOptions(64, Double.NaN, 0, 6, null, floor, Double.NaN));
        }
    }

    @Test
    void everyRankIsTheProgramsOnSixtyRandomProblems(@TempDir Path folder) throws IOException {
        var file = folder.resolve("page.html");
        Files.write(file, dev.lowrank.app.report.Page.of(Report.of("plan", "model", "lead", "test")));
        try (var chromium = Chromium.start()) {
            chromium.open(file, 800, page -> {
                var random = new SplittableRandom(5);
                for (var i = 0; i < 60; i++) {
                    compare(page, Kind.draw(random), evidence(random), 0.3 + 0.69 * random.nextDouble());
                }
            });
        }
    }

    private static void compare(Page page, Kind kind, List<Evidence> evidence, double keep) {
        var problem = kind.problem(evidence, keep);
        var curves = Objects.requireNonNull(BudgetCurves.of(kind.allocator(), problem));
        var rest = new Budget.Rest(0, 0, 0);
        var budget = Budget.of(curves, keep, rest, List.of("--keep", "{keep}", "--rank-multiple", "1"), null);
        var solved = (String) page.evaluate(
                "([budget, keep]) => JSON.stringify(makeSolver(JSON.parse(budget)).solve(keep))",
                List.of(JSON.writeValueAsString(budget), keep));
        assertThat(ranks(solved)).as("%s, keep %s", kind, keep).isEqualTo(ranks(kind, problem));
    }

    private static List<String> ranks(String solved) {
        return JSON.readTree(solved)
                .path("choices")
                .valueStream()
                .map(choice ->
                        choice.path("form").asString() + choice.path("rank").asInt())
                .toList();
    }

    /// Empty where the budget is below what the floor leaves, for which the page has no plan either.
    private static List<String> ranks(Kind kind, AllocationProblem problem) {
        Allocation plan;
        try {
            plan = kind.allocator().allocate(problem);
        } catch (IllegalArgumentException tooLittle) {
            return List.of();
        }
        return plan.choices().values().stream().map(SolverBrowserTest::words).toList();
    }

    private static String words(Choice choice) {
        return choice.form().id() + choice.rank();
    }

    /// Noisy curves of sites that matter differently; some wiggle so that they must be pooled.
    private static List<Evidence> evidence(SplittableRandom random) {
        var evidence = new ArrayList<Evidence>();
        for (var layer = 0; layer < 4; layer++) {
            for (var role : List.of(Role.Q_PROJ, Role.K_PROJ, Role.UP_PROJ, Role.DOWN_PROJ)) {
                var in = role == Role.DOWN_PROJ ? 112 : 64;
                var out = role == Role.UP_PROJ ? 112 : role == Role.K_PROJ ? 24 : 64;
                var bias = random.nextInt(3) == 0;
                var site =
                        new LinearSite(layer, role, layer + "." + role.id(), in, out, bias, LinearSite.Layout.OUT_IN);
                evidence.add(Evidence.of(site, DType.BF16).withDivergence(curve(Math.min(in, out), random)));
            }
        }
        return evidence;
    }

    private static double[] curve(int components, SplittableRandom random) {
        var weight = Math.exp(4 * random.nextDouble()) * 1e-3;
        var power = 0.5 + 2 * random.nextDouble();
        var noise = random.nextBoolean() ? 0.1 : 0;
        var curve = new double[components + 1];
        for (var r = 0; r < components; r++) {
            curve[r] = weight * (Math.pow(1 - r / (double) components, power) + noise * (random.nextDouble() - 0.5));
        }
        return curve;
    }
}
