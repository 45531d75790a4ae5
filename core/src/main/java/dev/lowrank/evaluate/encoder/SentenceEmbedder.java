package dev.lowrank.evaluate.encoder;

import dev.lowrank.checkpoint.SentenceModules;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TextPooling;
import dev.lowrank.model.TorchEncoder;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.text.TextFrame;
import dev.lowrank.text.TextFrame.Framed;
import dev.lowrank.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Turns texts into vectors as sentence-transformers does with the same folder: the same tokens, the same
/// longest length, the same pooling. Where a folder says nothing of that, positions are averaged and the
/// model's own number of positions is the limit. Holds an encoder until closed; the model stays the
/// caller's.
public final class SentenceEmbedder implements AutoCloseable {
    private final TorchEncoder encoder;
    private final Tokenizer tokenizer;
    private final TextFrame frame;
    private final TextPooling pooling;
    private final int most;
    private final boolean lowerCase;

    private SentenceEmbedder(
            TorchEncoder encoder,
            Tokenizer tokenizer,
            TextFrame frame,
            TextPooling pooling,
            int most,
            boolean lowerCase) {
        this.encoder = encoder;
        this.tokenizer = tokenizer;
        this.frame = frame;
        this.pooling = pooling;
        this.most = most;
        this.lowerCase = lowerCase;
    }

    /// Opens a model's embedder.
    ///
    /// @throws IllegalArgumentException if the model is no encoder
    /// @throws dev.lowrank.checkpoint.CheckpointException if its folder asks for a pooling that is not
    ///     known
    public static SentenceEmbedder open(LanguageModel model) {
        var modules = model.sentenceModules();
        var most = modules.map(SentenceModules::maxTokens).orElse(0);
        var positions = model.spec().maxPositions();
        var pooling = model.pooling();
        var tokenizer = model.tokenizer();
        try {
            // What can fail comes before the encoder, which nobody would close.
            var frame = tokenizer.frame();
            return new SentenceEmbedder(
                    TorchEncoder.load(model),
                    tokenizer,
                    frame,
                    pooling,
                    most == 0 ? positions : Math.min(most, positions),
                    modules.map(SentenceModules::lowerCase).orElse(false));
        } catch (RuntimeException failure) {
            tokenizer.close();
            throw failure;
        }
    }

    /// Vectors of texts.
    ///
    /// @param vectors one for each text, in order, `[hidden]`
    /// @param truncated texts that were longer than [#maxTokens]
    /// @param tokens that were read, those around the texts among them
    public record Embeddings(List<float[]> vectors, int truncated, int tokens) {
        public Embeddings {
            vectors = List.copyOf(vectors);
        }
    }

    /// Most tokens that are read of a text, those around it among them.
    public int maxTokens() {
        return most;
    }

    /// The encoder behind it, borrowed.
    TorchEncoder encoder() {
        return encoder;
    }

    /// A text's tokens as the encoder reads them.
    Framed framed(String text) {
        return frame.single(ids(text), most);
    }

    /// The tokens of two texts as the encoder reads them.
    Framed framed(String first, String second) {
        return frame.pair(ids(first), ids(second), most);
    }

    private int[] ids(String text) {
        return tokenizer.encode(lowerCase ? text.toLowerCase(Locale.ROOT) : text);
    }

    /// Embeds texts.
    ///
    /// @param texts any number
    /// @return their vectors, divided by their lengths where the folder says so
    /// @throws NumericalException if a vector is not finite
    public Embeddings embed(List<String> texts, Progress progress) {
        return embedFramed(texts.stream().map(this::framed).toList(), progress);
    }

    /// Embeds texts that are tokens already.
    ///
    /// @param texts ids of each, without those around it
    /// @throws NumericalException as [#embed]
    public Embeddings embedTokens(List<int[]> texts, Progress progress) {
        return embedFramed(texts.stream().map(ids -> frame.single(ids, most)).toList(), progress);
    }

    private Embeddings embedFramed(List<Framed> framed, Progress progress) {
        var batches = LengthBatches.of(framed);
        var vectors = new float[framed.size()][];
        batches.each("embed", progress, batch -> {
            var flat = pooling.apply(encoder.hidden(batches.ids(batch))).toFloats();
            var width = flat.length / batch.size();
            for (var i = 0; i < batch.size(); i++) {
                vectors[batch.get(i)] = row(flat, i, width);
            }
        });
        var checked = new ArrayList<float[]>(vectors.length);
        for (var i = 0; i < vectors.length; i++) {
            checked.add(finite(vectors[i], i));
        }
        return new Embeddings(
                checked,
                (int) framed.stream().filter(Framed::truncated).count(),
                framed.stream().mapToInt(text -> text.ids().length).sum());
    }

    private static float[] row(float[] flat, int row, int width) {
        var own = new float[width];
        System.arraycopy(flat, row * width, own, 0, width);
        return own;
    }

    private static float[] finite(float[] vector, int text) {
        for (var value : vector) {
            if (!Float.isFinite(value)) {
                throw new NumericalException(
                        NumericalException.Kind.NON_FINITE,
                        "the embedding of text " + text,
                        "it holds " + value + ", expected finite numbers; the model is damaged");
            }
        }
        return vector;
    }

    @Override
    public void close() {
        encoder.close();
        tokenizer.close();
    }
}
