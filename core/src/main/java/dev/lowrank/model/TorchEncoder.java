package dev.lowrank.model;

import dev.lowrank.model.EncoderParts.Classifier;
import dev.lowrank.model.EncoderParts.MaskedHead;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Epilogue;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Runs an encoder in batches through LibTorch, in F32 whatever the checkpoint stores, with all its weights
/// in memory. Texts of a batch have one length, so that nothing is padded and nothing masked. May be used
/// from several threads at once; closing releases the weights.
public final class TorchEncoder implements AutoCloseable {
    private final LanguageModel model;
    private final DecoderSpec spec;
    private final EncoderParts parts;
    private final TensorStore store;
    private final Embedding embedding;
    private final List<TorchBlock> blocks = new ArrayList<>();
    private final @Nullable TorchLinear pooler;
    private final @Nullable TorchLinear classifier;
    private final @Nullable Masked masked;

    /// A masked-token head in memory.
    ///
    /// @param scores the table with its bias
    private record Masked(TorchLinear transform, TorchNorm norm, TorchLinear scores) {}

    private TorchEncoder(LanguageModel model, EncoderParts parts, TensorStore store) {
        this.model = model;
        this.spec = model.spec();
        this.parts = parts;
        this.store = store;
        this.embedding = Embedding.of(model);
        for (var block : spec.blocks()) {
            blocks.add(TensorScope.tidy(() -> store.keep(load(block))));
        }
        pooler = parts.pooler().map(this::linear).orElse(null);
        classifier = parts.classifier().map(head -> linear(head.linear())).orElse(null);
        masked = parts.masked().map(this::load).orElse(null);
    }

    /// Loads a model.
    ///
    /// @throws IllegalArgumentException if it is no encoder
    public static TorchEncoder load(LanguageModel model) {
        var parts = model.spec()
                .encoder()
                .orElseThrow(() -> new IllegalArgumentException(
                        model.spec().modelType() + " is a decoder; run it with TorchDecoder"));
        var store = new TensorStore("the encoder of " + model.checkpoint().path());
        try {
            return TensorScope.tidy(() -> new TorchEncoder(model, parts, store));
        } catch (RuntimeException failure) {
            store.close();
            throw failure;
        }
    }

    private TorchBlock load(DecoderSpec.Block block) {
        var loaded = TorchBlock.load(spec, block, model.weights(), model.weights()::linear);
        model.weights().release(block);
        return loaded;
    }

    private TorchLinear linear(String name) {
        return linear(name + ".weight", name + ".bias");
    }

    private TorchLinear linear(String weight, String bias) {
        var weights = model.weights();
        var dense = new Linear.Dense(weights.read(weight), weights.read(bias));
        return store.keep(TorchLinear.forward(dense, DType.F32));
    }

    private Masked load(MaskedHead head) {
        return new Masked(
                linear(head.transform()),
                store.keep(TorchNorm.load(spec.norm(), model.weights(), head.norm())),
                linear(head.table() + ".weight", head.bias()));
    }

    /// What the model is.
    public DecoderSpec spec() {
        return spec;
    }

    /// The labels that [#labels] scores, in order; empty without such a head.
    public List<String> labelNames() {
        return parts.classifier().map(Classifier::labels).orElse(List.of());
    }

    /// Whether [#tokens] can score tokens.
    public boolean scoresTokens() {
        return masked != null;
    }

    /// The residual stream after the last block, of texts that are one segment each.
    ///
    /// @param texts token ids of equal length with what the tokenizer adds, `[batch][seq]`
    /// @return F32 `[batch, seq, hidden]`, in the innermost scope
    /// @throws IllegalArgumentException for no or unequal texts, an id outside the vocabulary, or more
    ///     tokens than there are positions
    public Tensor hidden(List<int[]> texts) {
        return hidden(texts, (text, place) -> 0);
    }

    /// The same of texts with several segments.
    ///
    /// @param segments segment of each token, `[batch][seq]`
    public Tensor hidden(List<int[]> texts, List<int[]> segments) {
        return hidden(texts, (text, place) -> segments.get(text)[place]);
    }

    private Tensor hidden(List<int[]> texts, Embedding.SegmentOf segments) {
        var seq = Embedding.commonLength(texts);
        if (seq > spec.maxPositions()) {
            throw new IllegalArgumentException(
                    seq + " tokens are more than the model's " + spec.maxPositions() + " positions; cut the text");
        }
        return quietly(() -> {
            var hidden = embedding.lookup(texts, 0, segments);
            for (var block : blocks) {
                var input = hidden;
                hidden = TensorScope.tidy(() -> block.forward(input, null, null, SiteTap.NONE));
            }
            return hidden;
        });
    }

    /// Computes without recording gradients; the result is in the innermost scope.
    private static Tensor quietly(Supplier<Tensor> work) {
        return Grad.off(() -> TensorScope.tidy(work));
    }

    /// What the pooler makes of the first position.
    ///
    /// @param hidden what [#hidden] gave
    /// @return F32 `[batch, hidden]`, in the innermost scope
    /// @throws IllegalStateException without a pooler
    public Tensor pooled(Tensor hidden) {
        var own = pooler;
        if (own == null) {
            throw new IllegalStateException(model.checkpoint().path() + " has no pooler");
        }
        return quietly(() -> Functional.tanh(own.apply(hidden.select(1, 0), Epilogue.NONE)));
    }

    /// Scores of the labels.
    ///
    /// @param hidden what [#hidden] gave
    /// @return F32 `[batch, labels]`, in the innermost scope
    /// @throws IllegalStateException without a classifier
    public Tensor labels(Tensor hidden) {
        var own = classifier;
        if (own == null) {
            throw new IllegalStateException(model.checkpoint().path() + " has no classifier");
        }
        return quietly(() -> own.apply(pooled(hidden), Epilogue.NONE));
    }

    /// Scores of the vocabulary.
    ///
    /// @param hidden rows of what [#hidden] gave, `[.., hidden]`
    /// @return F32 `[.., vocab]`, in the innermost scope
    /// @throws IllegalStateException without such a head
    public Tensor tokens(Tensor hidden) {
        var own = masked;
        if (own == null) {
            throw new IllegalStateException(model.checkpoint().path() + " has no masked-token head");
        }
        return quietly(() -> {
            var transformed = spec.activation().apply(own.transform().apply(hidden, Epilogue.NONE));
            return own.scores().apply(own.norm().apply(transformed), Epilogue.NONE);
        });
    }

    @Override
    public void close() {
        store.close();
    }
}
