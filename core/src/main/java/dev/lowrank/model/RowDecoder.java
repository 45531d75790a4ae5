package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.kernel.KernelStart;
import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.model.kernel.WorkerTeam;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// Runs a decoder on a few tokens at a time, of one sequence or of several, without LibTorch: what decoding
/// costs is reading the weights once, whoever shares them. F32 activations and sums; a row's numbers depend
/// neither on the number of threads nor on the rows that run with it.
///
/// Weights are packed once, in the width of their file, into memory of its own (see
/// [dev.lowrank.model.kernel.Panels]). It belongs to one thread at a time and must not outlive its
/// [LanguageModel]; closing it ends its worker threads and frees its memory. Once running, a token
/// allocates nothing.
public final class RowDecoder implements Prefill, AutoCloseable {
    /// Rows that can run together.
    public static final int MAX_ROWS = Kernels.MAX_ROWS;

    private final DecoderSpec spec;
    private final RowTools tools;
    private final HostTensor embedding;
    private final @Nullable HostTensor positions;
    private final List<RowBlock> blocks = new ArrayList<>();
    private final RowNorm finalNorm;
    private final RowStep head;
    private final RowBatch batch;
    private final float[][] logits;
    private final int[] tokens = new int[MAX_ROWS];
    private final WorkerTeam.Task embed = this::embed;
    private final WorkerTeam.Task normalize = this::normalize;

    private RowDecoder(DecoderSpec spec, Weights weights, KernelStart start, int threads) {
        this.spec = spec;
        tools = new RowTools(start, threads);
        try {
            tools.expect(spec);
            var rotated = spec.positions() instanceof Positions.Rotary(var rope) ? rope.inverseFrequencies().length : 0;
            batch = new RowBatch(spec, rotated);
            embedding = weights.read(spec.embedding() + ".weight");
            positions =
                    spec.positions() instanceof Positions.Learned(var table) ? weights.read(table + ".weight") : null;
            finalNorm = RowNorm.read(spec, spec.finalNorm(), weights);
            var attention = new RowAttention(spec, tools, batch);
            for (var block : spec.blocks()) {
                blocks.add(new RowBlock(spec, block, weights, tools, batch, attention));
            }
            logits = RowBatch.rows(spec.vocabSize());
            var output = spec.tied() ? embedding : weights.read(spec.head() + ".weight");
            head = RowStep.of(tools, tools.pack(output), batch.normed, logits);
        } catch (RuntimeException | Error failure) {
            tools.close();
            throw failure;
        }
    }

    /// Where the decoder finds its tensors and linears.
    interface Weights {
        HostTensor read(String name);

        Linear linear(LinearSite site);
    }

    /// Prepares a model for as many threads as the machine has processors.
    public static RowDecoder of(LanguageModel model) {
        return of(model, Runtime.getRuntime().availableProcessors());
    }

    /// Prepares a model: packs its weights.
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
                threads);
    }

    static RowDecoder of(DecoderSpec spec, Weights weights, int threads) {
        return new RowDecoder(spec, weights, KernelStart.cold(), threads);
    }

    static RowDecoder of(DecoderSpec spec, Weights weights, Kernels kernels, int threads) {
        return new RowDecoder(spec, weights, KernelStart.with(kernels), threads);
    }

    /// Makes the fastest kernels run from now on, which takes a second or more in a cold process; for
    /// measurements and for processes that answer later. Otherwise that happens once the first rows are
    /// through. Numbers do not depend on it.
    ///
    /// @param cacheType of the caches that will be used
    public void warm(DType cacheType) {
        tools.start().warm(cacheType);
    }

    /// Runs one token at the cache's next position and extends the cache by it.
    ///
    /// @param token id below `vocabSize`
    /// @param cache of the same model, not full
    /// @return logits of the next token, `[vocabSize]`; the array belongs to the decoder and is overwritten
    ///     by the next step
    /// @throws IllegalArgumentException if the token is not in the vocabulary or the cache is full
    public float[] step(int token, KvCache cache) {
        begin();
        add(token, cache, cache.length());
        run();
        finish(0);
        cache.advanceTo(cache.length() + 1);
        return logits[0];
    }

    /// Runs one token of each of several sequences.
    ///
    /// @param newTokens at most [#MAX_ROWS], one for each cache, in the same order
    /// @param caches of the same model, not full, no two the same
    /// @return logits of each sequence's next token, `[tokens][vocabSize]`, more rows behind them; the
    ///     arrays belong to the decoder and are overwritten by the next step
    /// @throws IllegalArgumentException if the counts differ or are too many, a token is not in the
    ///     vocabulary or a cache is full
    public float[][] step(int[] newTokens, List<KvCache> caches) {
        if (newTokens.length != caches.size() || newTokens.length > MAX_ROWS) {
            throw new IllegalArgumentException(newTokens.length + " tokens were given for " + caches.size()
                    + " caches; they must be as many and at most " + MAX_ROWS);
        }
        begin();
        for (var i = 0; i < newTokens.length; i++) {
            add(newTokens[i], caches.get(i), caches.get(i).length());
        }
        run();
        finish(0);
        for (var i = 0; i < newTokens.length; i++) {
            caches.get(i).advanceTo(caches.get(i).length() + 1);
        }
        return logits;
    }

    /// Runs several tokens of one sequence at once and extends the cache by them.
    ///
    /// @param newTokens at most [#MAX_ROWS], at the cache's next positions
    /// @return logits after each token, `[tokens][vocabSize]`, more rows behind them; the arrays belong to
    ///     the decoder and are overwritten by the next step
    /// @throws IllegalArgumentException if they are too many, not in the vocabulary or do not fit
    public float[][] steps(int[] newTokens, KvCache cache) {
        extend(newTokens, 0, newTokens.length, cache);
        finish(0);
        return logits;
    }

    /// Runs a prompt, as many tokens at a time as can run together; only the last one pays for the head.
    ///
    /// @return logits after the last token, `[vocabSize]`, as [#step] returns them
    @Override
    public float[] prefill(int[] prompt, KvCache cache) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("A prefill needs at least one token");
        }
        cache.requireSpace(prompt.length);
        var first = 0;
        for (; prompt.length - first > MAX_ROWS; first += MAX_ROWS) {
            extend(prompt, first, MAX_ROWS, cache);
        }
        extend(prompt, first, prompt.length - first, cache);
        var last = batch.count() - 1;
        finish(last);
        return logits[last];
    }

    private void extend(int[] newTokens, int first, int count, KvCache cache) {
        if (count > MAX_ROWS) {
            throw new IllegalArgumentException(count + " tokens cannot run together, at most " + MAX_ROWS);
        }
        begin();
        for (var i = 0; i < count; i++) {
            add(newTokens[first + i], cache, cache.length() + i);
        }
        run();
        cache.advanceTo(cache.length() + count);
    }

    private void begin() {
        // Not before the first rows are through: somebody waits for the first token.
        if (batch.count() > 0) {
            tools.start().warm(batch.cache(0).type());
        }
        batch.clear();
    }

    private void add(int token, KvCache cache, int position) {
        if (token < 0 || token >= spec.vocabSize()) {
            throw new IllegalArgumentException(
                    "Token " + token + " is not in the vocabulary of " + spec.vocabSize() + " tokens");
        }
        if (position >= cache.capacity()) {
            throw new IllegalArgumentException(
                    "The cache is full at " + position + " positions; make a longer one or shorten the text");
        }
        tokens[batch.count()] = token;
        batch.add(cache, position);
    }

    private void run() {
        tools.each(batch.count(), embed);
        for (var i = 0; i < blocks.size(); i++) {
            blocks.get(i).run();
        }
    }

    /// Computes logits.
    ///
    /// @param first row that wants them; those before it are computed with it where they share the weights
    private void finish(int first) {
        tools.each(batch.count(), normalize);
        if (first == 0) {
            head.run(batch.count());
        } else {
            head.runOne(first);
        }
    }

    private void embed(int row, int worker) {
        var hidden = batch.hidden[row];
        embedding.copyFloats((long) tokens[row] * hidden.length, hidden.length, hidden, 0);
        var position = batch.position(row);
        if (positions != null) {
            positions.copyFloats((long) position * hidden.length, hidden.length, batch.delta[row], 0);
            tools.kernels().add(hidden, batch.delta[row]);
        }
        if (spec.positions() instanceof Positions.Rotary(var rope)) {
            rope.fill(position, batch.cos[row], batch.sin[row]);
        }
    }

    private void normalize(int row, int worker) {
        finalNorm.apply(tools, batch.hidden[row], batch.normed[row], worker);
    }

    /// Does independent work on the decoder's threads, which have nothing to do between steps; returns when
    /// all is done.
    ///
    /// @param count pieces of work
    /// @param work given the number of a piece, from 0
    /// @throws RuntimeException the first failure of a piece, after all others ended
    public void share(int count, IntConsumer work) {
        tools.each(count, (piece, _) -> work.accept(piece));
    }

    /// What the decoder computes with, for `doctor`.
    public String describe() {
        return tools.start().fastest().describe() + ", " + tools.team().threads() + " threads";
    }

    /// Bytes of weights that a step reads: all linears and the head.
    public long weightBytes() {
        return tools.packedBytes();
    }

    /// Reads the packed weights with all threads and does nothing else with them, which no step can
    /// do faster.
    ///
    /// @return bytes a second, the mean of several readings
    public double readBandwidth() {
        return tools.readBandwidth();
    }

    /// What it runs.
    public DecoderSpec spec() {
        return spec;
    }

    @Override
    public void close() {
        tools.close();
    }
}
