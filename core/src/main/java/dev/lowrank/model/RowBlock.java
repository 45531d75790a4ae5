package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.DecoderSpec.Heads;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.model.kernel.RowInput;
import dev.lowrank.model.kernel.WorkerTeam;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A decoder block made ready for rows: its products, and between them what each row needs done alone.
final class RowBlock {
    private final DecoderSpec spec;
    private final RowTools tools;
    private final RowBatch batch;
    private final RowAttention attention;
    private final int index;
    private final Heads heads;
    /// Where each head begins in a row of `qkv`.
    private final int[] queries;

    private final int[] keys;
    private final int[] values;
    /// For each key/value head the rotary pairs that it kept; empty where all heads turn alike.
    private final int[][] pairs;

    private final RowNorm attentionNorm;
    private final RowNorm mlpNorm;
    /// What attention makes of the values.
    private final RowInput[] mixed;
    /// The MLP's hidden state.
    private final RowInput[] inner;
    /// The plain output of up where a gate is activated; null where the MLP has none.
    private final float @Nullable [][] gate;

    private final List<RowStep> qkv;
    private final List<RowStep> output;
    private final List<RowStep> expand;
    private final List<RowStep> contract;
    /// Parts of a step that each row takes alone; fields, so that a step makes no objects.
    private final WorkerTeam.Task enter = this::enter;

    private final WorkerTeam.Task remember = this::remember;
    private final WorkerTeam.Task join = this::join;
    private final WorkerTeam.Task enterMlp = this::enterMlp;
    private final WorkerTeam.Task activate = this::activate;
    private final WorkerTeam.Task leave = this::leave;

    RowBlock(
            DecoderSpec spec,
            Block block,
            RowDecoder.Weights weights,
            RowTools tools,
            RowBatch batch,
            RowAttention attention) {
        this.spec = spec;
        this.tools = tools;
        this.batch = batch;
        this.attention = attention;
        index = block.index();
        heads = block.heads();
        queries = offsets(spec.heads(), 0);
        keys = offsets(spec.kvHeads(), 1);
        values = offsets(spec.kvHeads(), 2);
        pairs = heads.pairs().stream()
                .map(kept -> kept.stream().mapToInt(Integer::intValue).toArray())
                .toArray(int[][]::new);
        attentionNorm = RowNorm.read(spec, block.attentionNorm(), weights);
        mlpNorm = RowNorm.read(spec, block.mlpNorm(), weights);
        mixed = RowTools.inputs(spec.heads() * heads.valueDim());
        var up = block.require(Role.UP_PROJ);
        inner = RowTools.inputs(up.out());
        gate = block.gated() ? RowBatch.rows(inner[0].values().length) : null;
        qkv = RowStep.plan(tools, qkvTargets(weights, block));
        output = single(weights, block.require(Role.O_PROJ), mixed);
        expand = RowStep.plan(tools, expandTargets(weights, block));
        contract = single(weights, block.require(Role.DOWN_PROJ), inner);
    }

    /// @param part 0 for queries, 1 for keys, 2 for values
    private int[] offsets(int count, int part) {
        var offsets = new int[count];
        for (var head = 0; head < count; head++) {
            offsets[head] = spec.qkvOrder() == QkvOrder.PER_HEAD
                    ? (3 * head + part) * heads.keyDim()
                    : switch (part) {
                        case 0 -> head * heads.keyDim();
                        case 1 -> (spec.heads() + head) * heads.keyDim();
                        default -> (spec.heads() + spec.kvHeads()) * heads.keyDim() + head * heads.valueDim();
                    };
        }
        return offsets;
    }

    private List<RowStep> single(RowDecoder.Weights weights, LinearSite site, RowInput[] x) {
        return RowStep.plan(tools, List.of(new RowStep.Target(weights.linear(site), x, batch.delta, 0)));
    }

    private List<RowStep.Target> qkvTargets(RowDecoder.Weights weights, Block block) {
        var fused = block.site(Role.QKV_PROJ);
        if (fused.isPresent()) {
            return List.of(new RowStep.Target(weights.linear(fused.get()), batch.normed, batch.qkv, 0));
        }
        var targets = new ArrayList<RowStep.Target>();
        var offset = 0;
        for (var role : List.of(Role.Q_PROJ, Role.K_PROJ, Role.V_PROJ)) {
            var linear = weights.linear(block.require(role));
            targets.add(new RowStep.Target(linear, batch.normed, batch.qkv, offset));
            offset += linear.out();
        }
        return targets;
    }

    /// The activated gate becomes the MLP's hidden state, multiplied by the plain output of up.
    private List<RowStep.Target> expandTargets(RowDecoder.Weights weights, Block block) {
        var hidden = new float[inner.length][];
        for (var i = 0; i < hidden.length; i++) {
            hidden[i] = inner[i].values();
        }
        var up = weights.linear(block.require(Role.UP_PROJ));
        if (gate == null) {
            return List.of(new RowStep.Target(up, batch.normed, hidden, 0));
        }
        var gating = weights.linear(block.require(Role.GATE_PROJ));
        return List.of(
                new RowStep.Target(gating, batch.normed, hidden, 0), new RowStep.Target(up, batch.normed, gate, 0));
    }

    /// Runs all rows of the batch.
    void run() {
        var rows = batch.count();
        tools.each(rows, enter);
        run(qkv, rows);
        tools.each(rows, remember);
        attention.run(index, heads, queries);
        tools.each(rows, join);
        run(output, rows);
        tools.each(rows, enterMlp);
        run(expand, rows);
        tools.each(rows, activate);
        run(contract, rows);
        tools.each(rows, leave);
    }

    private static void run(List<RowStep> steps, int rows) {
        for (var i = 0; i < steps.size(); i++) {
            steps.get(i).run(rows);
        }
    }

    private void enter(int row, int worker) {
        attentionNorm.apply(tools, batch.hidden[row], batch.normed[row], worker);
    }

    /// Rotates queries and keys and puts keys and values into the cache.
    private void remember(int row, int worker) {
        var own = batch.qkv[row];
        if (batch.cos[row].length > 0) {
            rotate(row, own);
        }
        var cache = batch.cache(row);
        for (var h = 0; h < spec.kvHeads(); h++) {
            cache.storeKey(index, h, batch.position(row), own, keys[h]);
            cache.storeValue(index, h, batch.position(row), own, values[h]);
        }
    }

    private void rotate(int row, float[] own) {
        var kernels = tools.kernels();
        var cos = batch.cos[row];
        var sin = batch.sin[row];
        var group = spec.heads() / spec.kvHeads();
        for (var h = 0; h < spec.kvHeads(); h++) {
            if (pairs.length == 0) {
                kernels.rotate(own, keys[h], cos, sin);
            } else {
                kernels.rotate(own, keys[h], pairs[h], cos, sin);
            }
        }
        for (var h = 0; h < spec.heads(); h++) {
            if (pairs.length == 0) {
                kernels.rotate(own, queries[h], cos, sin);
            } else {
                kernels.rotate(own, queries[h], pairs[h / group], cos, sin);
            }
        }
    }

    private void join(int row, int worker) {
        attention.join(row, mixed[row].values());
    }

    private void enterMlp(int row, int worker) {
        tools.kernels().add(batch.hidden[row], batch.delta[row]);
        mlpNorm.apply(tools, batch.hidden[row], batch.normed[row], worker);
    }

    private void activate(int row, int worker) {
        var kernels = tools.kernels();
        var state = inner[row].values();
        switch (spec.activation()) {
            case SILU -> kernels.silu(state);
            case GELU -> kernels.gelu(state);
            case GELU_TANH -> kernels.geluTanh(state);
            case RELU -> kernels.relu(state);
        }
        if (gate != null) {
            kernels.multiply(state, gate[row]);
        }
    }

    private void leave(int row, int worker) {
        tools.kernels().add(batch.hidden[row], batch.delta[row]);
    }
}
