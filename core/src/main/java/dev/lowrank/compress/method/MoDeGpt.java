package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.DecoderSpec.Heads;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Modular decomposition: each module of a block is narrowed as a whole, by the decomposition that fits it:
/// [Nystrom] for the MLP, [RotaryPairs] for query and key, [ValueOutput] for value and output. Nothing is
/// factored, so nothing is multiplied twice.
///
/// Source: Lin et al., MoDeGPT, ICLR 2025, arXiv:2408.09632. Deviations: those of the three parts; one
/// share of a block is kept of each of its modules, and what whole rotary pairs and channels leave over
/// goes to the MLP; statistics are those of the whole model, not of the blocks cut so far.
///
/// @param ridge `λ` of the leverages, as a share of the mean diagonal; 1e-4 to 1e-2 in the paper
record MoDeGpt(double ridge) implements ModuleMethod {
    private static final MethodInfo INFO = new MethodInfo(
            "modegpt", "modular decomposition into narrower blocks", "arXiv:2408.09632", Set.of(Statistic.MODULES));

    MoDeGpt {
        if (!(ridge > 0 && ridge <= 1)) {
            throw new IllegalArgumentException("--ridge is above 0 and at most 1, but was " + ridge);
        }
    }

    @Override
    public List<String> options() {
        return List.of("--ridge", Double.toString(ridge));
    }

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public String allocator() {
        return "influence";
    }

    @Override
    public NarrowedBlock narrow(BlockProblem problem, BlockWidths widths) {
        return TensorScope.tidy(() -> {
            var result = new Result(problem);
            if (widths.intermediate() < problem.weight(Role.DOWN_PROJ).size(1)) {
                mlp(problem, widths.intermediate(), result);
            }
            var pairs = List.<List<Integer>>of();
            if (widths.heads().keyDim() < problem.headDim()) {
                pairs = queryKey(problem, widths.heads().keyDim() / 2, result);
            }
            if (widths.heads().valueDim() < problem.headDim()) {
                valueOutput(problem, widths.heads().valueDim(), result);
            }
            var heads = new Heads(widths.heads().keyDim(), widths.heads().valueDim(), pairs);
            return new NarrowedBlock(
                    new BlockWidths(widths.intermediate(), heads),
                    result.weights,
                    result.biases,
                    result.errors,
                    result.notes);
        });
    }

    /// What was narrowed so far.
    private record Result(
            BlockProblem problem,
            Map<Role, Tensor> weights,
            Map<Role, Tensor> biases,
            Map<Role, Double> errors,
            Map<Role, List<String>> notes) {
        Result(BlockProblem problem) {
            this(
                    problem,
                    new EnumMap<>(Role.class),
                    new EnumMap<>(Role.class),
                    new EnumMap<>(Role.class),
                    new EnumMap<>(Role.class));
        }

        void put(Role role, Tensor weight, double error, List<String> fallbacks) {
            weights.put(role, weight);
            errors.put(role, error);
            notes.put(role, fallbacks);
            var bias = problem.biases().get(role);
            if (bias != null) {
                biases.put(role, bias);
            }
        }
    }

    private void mlp(BlockProblem problem, int width, Result result) {
        var down = problem.weight(Role.DOWN_PROJ);
        var found = Nystrom.of(problem.statistics().hidden(), down, width, ridge, problem.name() + " mlp");
        result.put(Role.DOWN_PROJ, found.down(), found.relativeError(), found.notes());
        for (var role : List.of(Role.GATE_PROJ, Role.UP_PROJ)) {
            result.put(role, problem.weight(role).indexSelect(0, found.channels()), found.relativeError(), List.of());
            result.biases.computeIfPresent(role, (any, bias) -> bias.indexSelect(0, found.channels()));
        }
    }

    private static List<List<Integer>> queryKey(BlockProblem problem, int count, Result result) {
        var statistics = problem.statistics();
        var found = RotaryPairs.of(
                statistics.queries().toDoubles(), statistics.keys().toDoubles(), problem.headDim(), count);
        for (var role : List.of(Role.Q_PROJ, Role.K_PROJ)) {
            var kept = found.select(problem.weight(role), problem.headDim());
            result.put(role, kept, found.relativeError(), List.of());
            result.biases.computeIfPresent(role, (any, bias) -> found.select(bias, problem.headDim()));
        }
        return found.pairs();
    }

    private static void valueOutput(BlockProblem problem, int width, Result result) {
        var d = (long) problem.headDim();
        var value = problem.weight(Role.V_PROJ);
        var bias = problem.biases().get(Role.V_PROJ);
        var output = problem.weight(Role.O_PROJ);
        var values = new ArrayList<Tensor>();
        var biases = new ArrayList<Tensor>();
        var outputs = new ArrayList<Tensor>();
        var notes = new ArrayList<String>();
        var dropped = 0.0;
        var energy = 0.0;
        for (var head = 0; head < problem.kvHeads(); head++) {
            var own = new ArrayList<Tensor>();
            for (var query = head * problem.group(); query < (head + 1) * problem.group(); query++) {
                own.add(output.narrow(1, query * d, d));
            }
            var subject = problem.name() + " value head " + head;
            var found = ValueOutput.of(problem.statistics().values().get(head), own, width, subject);
            values.add(found.down().matmul(value.narrow(0, head * d, d)));
            if (bias != null) {
                biases.add(found.down()
                        .matmul(bias.narrow(0, head * d, d).unsqueeze(1))
                        .squeeze(1));
            }
            own.forEach(columns -> outputs.add(columns.matmul(found.up())));
            found.notes().forEach(note -> notes.add("value head: " + note));
            dropped += found.dropped();
            energy += found.energy();
        }
        var error = energy > 0 ? Math.sqrt(dropped / energy) : 0;
        result.put(Role.V_PROJ, Tensors.cat(values, 0), error, notes);
        result.put(Role.O_PROJ, Tensors.cat(outputs, 1), error, List.of());
        if (bias != null) {
            result.biases.put(Role.V_PROJ, Tensors.cat(biases, 0));
        }
    }
}
