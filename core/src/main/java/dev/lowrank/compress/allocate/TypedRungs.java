package dev.lowrank.compress.allocate;

import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The rungs of a site whose type is chosen together with its rank: of every allowed rank in every type,
/// and of the whole matrix in every type, those that nothing cheaper equals.
///
/// A cut is smaller than the whole matrix in the same type. Its rank is a multiple of what is asked for and
/// of what makes whole blocks.
final class TypedRungs {
    private final Evidence evidence;
    private final AllocationProblem problem;
    private final double[] curve;
    private final RoundingLoss rounding;
    private final List<Option> options = new ArrayList<>();

    private record Option(Choice choice, long cost, double loss) {}

    private TypedRungs(Evidence evidence, AllocationProblem problem) {
        this.evidence = evidence;
        this.problem = problem;
        this.curve = Curves.falling(evidence.divergence());
        this.rounding = Objects.requireNonNull(evidence.rounding(), "AllocationProblem.require comes first");
    }

    /// @param step what ranks are multiples of, besides what a type asks for
    static Ladder of(Evidence evidence, AllocationProblem problem, Bits bits, int step) {
        var rungs = new TypedRungs(evidence, problem);
        bits.types().forEach(type -> rungs.add(type, common(step, Quantization.rankMultiple(type))));
        if (bits.unrounded()) {
            rungs.add(null, step);
        }
        return rungs.ladder();
    }

    private static int common(int step, int multiple) {
        var both = step;
        while (both % multiple != 0) {
            both += step;
        }
        return both;
    }

    private void add(@Nullable DType type, int step) {
        add(Choice.dense(evidence.site()).in(type));
        var first = Math.ceilDiv(problem.rankFloor(), step) * step;
        for (var rank = first; rank <= evidence.components(); rank += step) {
            var best = Ladder.cheapest(evidence, problem, rank, type);
            if (best == null) {
                return; // every larger rank costs more still
            }
            add(best);
        }
    }

    private void add(Choice choice) {
        var cost = problem.budget().unit().cost(evidence.site(), evidence.dtype(), choice);
        options.add(new Option(choice, cost, Curves.at(curve, evidence, choice) + rounding.of(choice)));
    }

    private Ladder ladder() {
        options.sort(Comparator.comparingLong(Option::cost).thenComparingDouble(Option::loss));
        var kept = new ArrayList<Option>();
        for (var option : options) {
            if (kept.isEmpty() || option.loss < kept.getLast().loss) {
                kept.add(option);
            }
        }
        return new Ladder(
                evidence,
                kept.stream().map(Option::choice).toList(),
                kept.stream().mapToLong(Option::cost).toArray());
    }
}
