package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.DecoderSpec.Heads;
import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.model.kernel.RowMatrix;
import dev.lowrank.model.kernel.RowVector;
import dev.lowrank.model.kernel.WorkerTeam;
import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Runs a decoder one token at a time over weights where they lie, without LibTorch: what decoding costs is
/// reading the weights once. F32 activations and sums; the numbers do not depend on the number of threads.
///
/// It belongs to one thread at a time and must not outlive its [LanguageModel]; closing it ends its worker
/// threads. Once running, a token allocates nothing.
public final class RowDecoder implements Prefill, AutoCloseable {
    private final DecoderSpec spec;
    private final Kernels kernels;
    private final WorkerTeam team;
    private final float[][] lanes;
    private final RowMatrix embedding;
    private final @Nullable RowMatrix positions;
    private final List<BlockPlan> blocks = new ArrayList<>();
    private final NormWeights finalNorm;
    private final RowStep head;

    private final float[] hidden;
    private final RowVector normed;
    private final float[] delta;
    private final float[] qkv;
    private final float[] cos;
    private final float[] sin;
    private final float[] logits;
    private final AttentionTask attention = new AttentionTask();

    private RowDecoder(DecoderSpec spec, Weights weights, Kernels kernels, int threads) {
        this.spec = spec;
        this.kernels = kernels;
        hidden = new float[spec.hiddenSize()];
        normed = new RowVector(spec.hiddenSize());
        delta = new float[spec.hiddenSize()];
        qkv = new float[(spec.heads() + 2 * spec.kvHeads()) * spec.headDim()];
        var rotated = spec.positions() instanceof Positions.Rotary(var rope) ? rope.inverseFrequencies().length : 0;
        cos = new float[rotated];
        sin = new float[rotated];
        logits = new float[spec.vocabSize()];
        embedding = RowMatrix.of(weights.read(spec.embedding() + ".weight"));
        positions = spec.positions() instanceof Positions.Learned(var table)
                ? RowMatrix.of(weights.read(table + ".weight"))
                : null;
        finalNorm = norm(weights, spec.finalNorm());
        team = WorkerTeam.of(threads);
        lanes = new float[threads][Kernels.SCRATCH];
        for (var block : spec.blocks()) {
            blocks.add(plan(weights, block));
        }
        var output = spec.tied() ? embedding : RowMatrix.of(weights.read(spec.head() + ".weight"));
        head = RowStep.of(kernels, team, output, normed, logits);
    }

    /// Where the decoder finds its tensors and linears.
    interface Weights {
        HostTensor read(String name);

        Linear linear(LinearSite site);
    }

    private record NormWeights(float[] scale, float @Nullable [] shift) {}

    /// A block made ready.
    ///
    /// @param mixed what attention makes of the values
    /// @param turns for each key/value head cosines and sines of the rotary pairs that it kept; empty where
    ///     all
    ///     heads turn alike
    /// @param gate null where the MLP has none
    private record BlockPlan(
            int index,
            Heads heads,
            RowVector mixed,
            List<Turn> turns,
            NormWeights attentionNorm,
            NormWeights mlpNorm,
            List<RowStep> qkv,
            List<RowStep> output,
            List<RowStep> expand,
            List<RowStep> contract,
            float @Nullable [] gate,
            RowVector inner) {}

    /// One position's rotation of the pairs that a head kept.
    private record Turn(int[] pairs, float[] cos, float[] sin) {
        static Turn of(List<Integer> pairs) {
            var places = pairs.stream().mapToInt(Integer::intValue).toArray();
            return new Turn(places, new float[places.length], new float[places.length]);
        }

        void pick(float[] allCos, float[] allSin) {
            for (var i = 0; i < pairs.length; i++) {
                cos[i] = allCos[pairs[i]];
                sin[i] = allSin[pairs[i]];
            }
        }
    }

    /// Prepares a model for as many threads as the machine has processors.
    public static RowDecoder of(LanguageModel model) {
        return of(model, Runtime.getRuntime().availableProcessors());
    }

    /// Prepares a model. Weights in F32, BF16 and F16 stay where they are.
    ///
    /// @param threads that share the rows of a product, the caller's included
    /// @throws dev.lowrank.checkpoint.CheckpointException for an encoder
    public static RowDecoder of(LanguageModel model, int threads) {
        return of(model, model.weights()::linear, threads);
    }

    /// The same with other linears.
    ///
    /// @param linears what each site stores; their memory must outlive the decoder
    public static RowDecoder of(LanguageModel model, Function<LinearSite, Linear> linears, int threads) {
        model.requireDecoder();
        var weights = model.weights();
        return of(
                model.spec(),
                new Weights() {
                    @Override
                    public HostTensor read(String name) {
                        return weights.read(name);
                    }

                    @Override
                    public Linear linear(LinearSite site) {
                        return linears.apply(site);
                    }
                },
                Kernels.best(),
                threads);
    }

    static RowDecoder of(DecoderSpec spec, Weights weights, Kernels kernels, int threads) {
        return new RowDecoder(spec, weights, kernels, threads);
    }

    private NormWeights norm(Weights weights, String name) {
        var shift = spec.norm().kind() == DecoderSpec.Norm.Kind.LAYER
                ? weights.read(name + ".bias").toFloats()
                : null;
        return new NormWeights(weights.read(name + ".weight").toFloats(), shift);
    }

    private BlockPlan plan(Weights weights, Block block) {
        var up = block.require(Role.UP_PROJ);
        var inner = new RowVector(up.out());
        var expand = new ArrayList<RowStep.Target>();
        float @Nullable [] gate = null;
        if (block.gated()) {
            // The activated gate becomes the MLP's hidden state, multiplied by the plain output of up.
            gate = new float[up.out()];
            var site = block.require(Role.GATE_PROJ);
            expand.add(new RowStep.Target(weights.linear(site), normed, inner.values(), 0));
            expand.add(new RowStep.Target(weights.linear(up), normed, gate, 0));
        } else {
            expand.add(new RowStep.Target(weights.linear(up), normed, inner.values(), 0));
        }
        var mixed = new RowVector(spec.heads() * block.heads().valueDim());
        return new BlockPlan(
                block.index(),
                block.heads(),
                mixed,
                block.heads().pairs().stream().map(Turn::of).toList(),
                norm(weights, block.attentionNorm()),
                norm(weights, block.mlpNorm()),
                RowStep.plan(kernels, team, qkvTargets(weights, block)),
                single(weights, block.require(Role.O_PROJ), mixed),
                RowStep.plan(kernels, team, expand),
                single(weights, block.require(Role.DOWN_PROJ), inner),
                gate,
                inner);
    }

    private List<RowStep> single(Weights weights, LinearSite site, RowVector x) {
        return RowStep.plan(kernels, team, List.of(new RowStep.Target(weights.linear(site), x, delta, 0)));
    }

    private List<RowStep.Target> qkvTargets(Weights weights, Block block) {
        var fused = block.site(Role.QKV_PROJ);
        if (fused.isPresent()) {
            return List.of(new RowStep.Target(weights.linear(fused.get()), normed, qkv, 0));
        }
        var targets = new ArrayList<RowStep.Target>();
        var offset = 0;
        for (var role : List.of(Role.Q_PROJ, Role.K_PROJ, Role.V_PROJ)) {
            var linear = weights.linear(block.require(role));
            targets.add(new RowStep.Target(linear, normed, qkv, offset));
            offset += linear.out();
        }
        return targets;
    }

    /// Runs one token at the cache's next position and extends the cache by it.
    ///
    /// @param token id below `vocabSize`
    /// @param cache of the same model, not full
    /// @return logits of the next token, `[vocabSize]`; the array belongs to the decoder and is overwritten
    ///     by the next step
    /// @throws IllegalArgumentException if the token is not in the vocabulary or the cache is full
    public float[] step(int token, KvCache cache) {
        extend(token, cache);
        normalize(finalNorm);
        head.run();
        return logits;
    }

    /// Runs one token of each of several sequences.
    ///
    /// @param tokens one for each cache, in the same order
    /// @param caches of the same model, not full, no two the same
    /// @return logits of each sequence's next token, `[tokens][vocabSize]`; the arrays belong to the
    ///     decoder
    ///     and are overwritten by the next step
    /// @throws IllegalArgumentException if the counts differ, a token is not in the vocabulary or a cache
    ///     is
    ///     full
    public float[][] step(int[] tokens, List<KvCache> caches) {
        if (tokens.length != caches.size()) {
            throw new IllegalArgumentException(tokens.length + " tokens were given for " + caches.size() + " caches");
        }
        var rows = new float[tokens.length][];
        for (var i = 0; i < tokens.length; i++) {
            rows[i] = step(tokens[i], caches.get(i)).clone();
        }
        return rows;
    }

    /// Runs tokens one after the other; only the last one pays for the head.
    ///
    /// @return logits after the last token, `[vocabSize]`, as [#step] returns them
    @Override
    public float[] prefill(int[] tokens, KvCache cache) {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("A prefill needs at least one token");
        }
        for (var i = 0; i < tokens.length - 1; i++) {
            extend(tokens[i], cache);
        }
        return step(tokens[tokens.length - 1], cache);
    }

    private void extend(int token, KvCache cache) {
        if (token < 0 || token >= spec.vocabSize()) {
            throw new IllegalArgumentException(
                    "Token " + token + " is not in the vocabulary of " + spec.vocabSize() + " tokens");
        }
        var position = cache.length();
        if (position >= cache.capacity()) {
            throw new IllegalArgumentException(
                    "The cache is full at " + position + " positions; make a longer one or shorten the text");
        }
        embed(token, position);
        for (var block : blocks) {
            normalize(block.attentionNorm());
            run(block.qkv());
            store(block, position, cache);
            attention.run(block, position + 1, cache);
            run(block.output());
            kernels.add(hidden, delta);
            normalize(block.mlpNorm());
            run(block.expand());
            activate(block);
            run(block.contract());
            kernels.add(hidden, delta);
        }
        cache.advanceTo(position + 1);
    }

    private static void run(List<RowStep> steps) {
        for (var i = 0; i < steps.size(); i++) {
            steps.get(i).run();
        }
    }

    private void embed(int token, int position) {
        embedding.copyRow(token, hidden);
        if (positions != null) {
            positions.copyRow(position, delta);
            kernels.add(hidden, delta);
        }
        if (spec.positions() instanceof Positions.Rotary(var rope)) {
            rope.fill(position, cos, sin);
        }
    }

    private void normalize(NormWeights norm) {
        var epsilon = spec.norm().epsilon();
        var shift = norm.shift();
        if (shift == null) {
            kernels.rmsNorm(hidden, norm.scale(), epsilon, normed.values(), lanes[0]);
        } else {
            kernels.layerNorm(hidden, norm.scale(), shift, epsilon, normed.values(), lanes[0]);
        }
    }

    private void activate(BlockPlan block) {
        var inner = block.inner().values();
        switch (spec.activation()) {
            case SILU -> kernels.silu(inner);
            case GELU -> kernels.gelu(inner);
            case GELU_TANH -> kernels.geluTanh(inner);
            case RELU -> kernels.relu(inner);
        }
        var gate = block.gate();
        if (gate != null) {
            kernels.multiply(inner, gate);
        }
    }

    /// Rotates queries and keys and puts key and value into the cache.
    private void store(BlockPlan block, int position, KvCache cache) {
        var heads = block.heads();
        if (cos.length > 0) {
            rotate(block);
        }
        var keys = cache.keys(block.index()).data();
        var values = cache.values(block.index()).data();
        for (var h = 0; h < spec.kvHeads(); h++) {
            var row = ((long) h * cache.capacity() + position) * 4;
            MemorySegment.copy(qkv, keyOffset(heads, h), keys, HostTensor.FLOAT, row * heads.keyDim(), heads.keyDim());
            MemorySegment.copy(
                    qkv, valueOffset(heads, h), values, HostTensor.FLOAT, row * heads.valueDim(), heads.valueDim());
        }
    }

    private void rotate(BlockPlan block) {
        var turns = block.turns();
        for (var i = 0; i < turns.size(); i++) {
            turns.get(i).pick(cos, sin);
        }
        var group = spec.heads() / spec.kvHeads();
        for (var h = 0; h < spec.heads(); h++) {
            rotate(turns, h / group, queryOffset(block.heads(), h));
        }
        for (var h = 0; h < spec.kvHeads(); h++) {
            rotate(turns, h, keyOffset(block.heads(), h));
        }
    }

    private void rotate(List<Turn> turns, int kvHead, int offset) {
        if (turns.isEmpty()) {
            kernels.rotate(qkv, offset, cos, sin);
        } else {
            kernels.rotate(
                    qkv, offset, turns.get(kvHead).cos(), turns.get(kvHead).sin());
        }
    }

    private boolean perHead() {
        return spec.qkvOrder() == QkvOrder.PER_HEAD;
    }

    private int queryOffset(Heads heads, int head) {
        return (perHead() ? 3 * head : head) * heads.keyDim();
    }

    private int keyOffset(Heads heads, int head) {
        return (perHead() ? 3 * head + 1 : spec.heads() + head) * heads.keyDim();
    }

    private int valueOffset(Heads heads, int head) {
        return perHead()
                ? (3 * head + 2) * heads.keyDim()
                : (spec.heads() + spec.kvHeads()) * heads.keyDim() + head * heads.valueDim();
    }

    /// What the decoder computes with, for `doctor`.
    public String describe() {
        return kernels.describe() + ", " + team.threads() + " threads";
    }

    /// What it runs.
    public DecoderSpec spec() {
        return spec;
    }

    @Override
    public void close() {
        team.close();
    }

    /// Softmax attention of one query row over the cache; a chunk is a query head.
    private final class AttentionTask implements WorkerTeam.Task {
        private float[] scores = new float[0];
        private @Nullable KvCache cache;
        private @Nullable BlockPlan block;
        private int length;

        void run(BlockPlan newBlock, int newLength, KvCache newCache) {
            if (cache != newCache && scores.length < spec.heads() * newCache.capacity()) {
                scores = new float[Math.multiplyExact(spec.heads(), newCache.capacity())];
            }
            cache = newCache;
            block = newBlock;
            length = newLength;
            team.run(this, spec.heads());
        }

        @Override
        public void run(int head, int worker) {
            var current = cache;
            var plan = block;
            if (current == null || plan == null) {
                throw new IllegalStateException("Attention has no cache");
            }
            var heads = plan.heads();
            var start = (long) (head / (spec.heads() / spec.kvHeads())) * current.capacity() * 4;
            var own = head * current.capacity();
            var keys = current.keys(plan.index()).data();
            var values = current.values(plan.index()).data();
            var query = queryOffset(heads, head);
            kernels.dots(keys, start * heads.keyDim(), length, heads.keyDim(), qkv, query, scores, own, lanes[worker]);
            kernels.softmax(scores, own, length, (float) spec.attentionScale(), lanes[worker]);
            var width = heads.valueDim();
            kernels.mix(
                    values,
                    start * width,
                    length,
                    width,
                    scores,
                    own,
                    plan.mixed().values(),
                    head * width);
        }
    }
}
