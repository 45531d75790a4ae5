package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Runs a decoder in batches through LibTorch, in F32 whatever the checkpoint stores, or with products in
/// BF16. For perplexity and for the prompt of a generation; closing releases its weights.
public final class TorchDecoder implements Prefill, AutoCloseable {
    /// Whether block weights stay in memory.
    public enum Residency {
        /// All blocks are loaded at once: fastest, needs four bytes a parameter.
        RESIDENT,
        /// Each block is loaded when it runs and released after: one block of memory.
        STREAMED;

        /// Above this the F32 copy of all weights would take more than 4 GB.
        private static final long RESIDENT_PARAMETERS = 1_000_000_000L;

        /// What suits a model's size.
        public static Residency of(LanguageModel model) {
            return model.weights().parameters() <= RESIDENT_PARAMETERS ? RESIDENT : STREAMED;
        }
    }

    /// Longest run of prompt tokens that passes through at once; bounds the activations of a long prompt.
    private static final int PREFILL_CHUNK = 1024;

    private final LanguageModel model;
    private final DecoderSpec spec;
    private final TensorStore store;
    private final List<TorchBlock> blocks;
    private final Embedding embedding;
    private final TorchHead head;
    private final Function<LinearSite, Linear> linears;
    private final DType products;

    private TorchDecoder(LanguageModel model, Residency residency, DType products, TensorStore store) {
        this.model = model;
        this.products = products;
        this.spec = model.spec();
        this.store = store;
        this.linears = model.weights()::linear;
        this.embedding = Embedding.of(model);
        this.head = store.keep(TorchHead.load(model, DType.F32));
        this.blocks = new ArrayList<>();
        if (residency == Residency.RESIDENT) {
            for (var block : spec.blocks()) {
                blocks.add(TensorScope.tidy(() -> store.keep(load(block))));
            }
        }
    }

    private TorchDecoder(TorchDecoder base, Map<LinearSite, Linear> replaced, TensorStore store) {
        this.model = base.model;
        this.products = base.products;
        this.spec = base.spec;
        this.store = store;
        this.linears = site -> {
            var other = replaced.get(site);
            return other == null ? base.linears.apply(site) : other;
        };
        this.embedding = base.embedding;
        this.head = base.head;
        this.blocks = new ArrayList<>();
        for (var i = 0; i < base.blocks.size(); i++) {
            var block = spec.blocks().get(i);
            var same = block.sites().stream().noneMatch(replaced::containsKey);
            blocks.add(same ? base.blocks.get(i) : TensorScope.tidy(() -> store.keep(load(block))));
        }
    }

    /// Loads a model.
    ///
    /// @param residency whether all blocks stay in memory
    /// @throws dev.lowrank.checkpoint.CheckpointException for an encoder
    public static TorchDecoder load(LanguageModel model, Residency residency) {
        return load(model, residency, DType.F32);
    }

    /// Loads a model.
    ///
    /// @param residency whether all blocks stay in memory
    /// @param products type in which linears are multiplied, F32 or BF16; attention takes it too where nobody
    ///     watches, everything else is F32
    /// @throws dev.lowrank.checkpoint.CheckpointException for an encoder
    public static TorchDecoder load(LanguageModel model, Residency residency, DType products) {
        model.requireDecoder();
        var store = new TensorStore("the decoder of " + model.checkpoint().path());
        try {
            return TensorScope.tidy(() -> new TorchDecoder(model, residency, products, store));
        } catch (RuntimeException failure) {
            store.close();
            throw failure;
        }
    }

    /// Loads a model to read prompts: in memory if it fits well, with products of the type that
    /// [MixedPrecision#ofPrompts] says.
    public static TorchDecoder forPrompts(LanguageModel model) {
        return load(model, Residency.of(model), MixedPrecision.ofPrompts(model));
    }

    /// The same decoder with other linears at some sites. What does not change is shared: close the result
    /// before this one.
    ///
    /// @param replaced by site of this model's description; read while the blocks are loaded, and with
    ///     [Residency#STREAMED] as long as the result lives
    public TorchDecoder with(Map<LinearSite, Linear> replaced) {
        var changed =
                new TensorStore("a changed decoder of " + model.checkpoint().path());
        try {
            return TensorScope.tidy(() -> new TorchDecoder(this, Map.copyOf(replaced), changed));
        } catch (RuntimeException failure) {
            changed.close();
            throw failure;
        }
    }

    private TorchBlock load(DecoderSpec.Block block) {
        var loaded = TorchBlock.load(spec, block, model.weights(), linears, products);
        model.weights().release(block);
        return loaded;
    }

    /// Logits of whole windows.
    ///
    /// @param windows token ids of equal length, `[batch][seq]`
    /// @return F32 `[batch, seq, vocab]`, in the innermost scope
    /// @throws IllegalArgumentException for no or unequal windows, an id outside the vocabulary, or more
    ///     tokens than the context
    public Tensor logits(List<int[]> windows) {
        return Grad.off(() -> TensorScope.tidy(() -> logits(hidden(windows, null))));
    }

    /// An empty cache for this model; the caller closes it.
    ///
    /// @param capacity positions it can hold
    public KvCache cache(int capacity) {
        return KvCache.of(spec, capacity);
    }

    /// Runs a prompt, filling the cache.
    ///
    /// @return logits of the last token, `[vocab]`
    @Override
    public float[] prefill(int[] tokens, KvCache cache) {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("A prompt needs at least one token");
        }
        var last = new float[0];
        for (var from = 0; from < tokens.length; from += PREFILL_CHUNK) {
            var chunk = Arrays.copyOfRange(tokens, from, Math.min(tokens.length, from + PREFILL_CHUNK));
            var end = from + chunk.length == tokens.length;
            last = Grad.off(() -> TensorScope.tidy(() -> {
                var hidden = hidden(List.of(chunk), cache);
                cache.advanceTo(cache.length() + chunk.length);
                return end ? logits(hidden).toFloats() : new float[0];
            }));
        }
        return last;
    }

    /// The residual stream after the last block, before the final norm.
    ///
    /// @param windows token ids of equal length, `[batch][seq]`
    /// @return F32 `[batch, seq, hidden]`, in the innermost scope
    public Tensor hidden(List<int[]> windows) {
        return Grad.off(() -> TensorScope.tidy(() -> hidden(windows, null)));
    }

    /// The residual stream of texts that share beginnings, after the last block and before the final norm.
    ///
    /// @param stem keys and values of what all of them begin with, filled by [#prefill]; null for nothing
    /// @return F32 `[1, tokens, hidden]` in the order of the trees, in the innermost scope
    /// @throws IllegalArgumentException for an id outside the vocabulary, or a text beyond the context
    public Tensor hidden(TokenForest forest, @Nullable KvCache stem) {
        var past = stem == null ? 0 : stem.length();
        if (past + forest.depth() > spec.maxPositions()) {
            throw new IllegalArgumentException(
                    past + forest.depth() + " positions are beyond the model's context of " + spec.maxPositions());
        }
        return Grad.off(() -> TensorScope.tidy(() -> {
            var positions = forest.positions(past);
            var angles = Angles.of(spec, positions);
            var attention = ForestAttention.of(spec, forest, stem);
            var hidden = embedding.lookup(forest.tokens(), positions);
            for (var block : spec.blocks()) {
                var input = hidden;
                hidden = TensorScope.tidy(() -> loaded(block).forward(input, angles, attention));
            }
            return hidden;
        }));
    }

    private TorchBlock loaded(DecoderSpec.Block block) {
        return blocks.isEmpty() ? load(block) : blocks.get(block.index());
    }

    private Tensor hidden(List<int[]> windows, @Nullable KvCache cache) {
        var past = cache == null ? 0 : cache.length();
        var seq = Embedding.commonLength(windows);
        if (past + seq > spec.maxPositions()) {
            throw new IllegalArgumentException(
                    past + seq + " positions are beyond the model's context of " + spec.maxPositions());
        }
        var angles = Angles.of(spec, past, seq);
        var hidden = embedding.lookup(windows, past);
        for (var block : spec.blocks()) {
            var input = hidden;
            hidden = TensorScope.tidy(() -> {
                var loaded = loaded(block);
                return cache != null && block.index() == spec.blocks().size() - 1
                        ? loaded.forwardLast(input, angles, cache)
                        : loaded.forward(input, angles, cache, SiteTap.NONE);
            });
        }
        return hidden;
    }

    /// The final norm.
    ///
    /// @param hidden residual stream after the last block, `[.., hidden]`
    /// @return the same shape, in the innermost scope
    public Tensor normed(Tensor hidden) {
        return head.normed(hidden);
    }

    /// Final norm and head.
    ///
    /// @param hidden residual stream after the last block, `[batch, seq, hidden]`
    /// @return `[batch, seq, vocab]`, in the innermost scope
    public Tensor logits(Tensor hidden) {
        return TensorScope.tidy(() -> head.logits(head.normed(hidden)));
    }

    @Override
    public void close() {
        store.close();
    }
}
