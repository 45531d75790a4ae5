package dev.lowrank.generate;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.DType;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/// A checkpoint behind an engine: the row decoder makes tokens, LibTorch reads longer prompts.
public final class LoadedModel implements BatchModel {
    /// Shorter prompts are read by the row decoder: they are not worth LibTorch's calls.
    private static final int SHORT = 16;

    /// Tokens of a prompt that are read at once: 64 take about as long as eight decoded ones.
    private static final int RESIDENT_CHUNK = 64;

    /// Where every chunk loads the weights again, the others wait for that rather than for the tokens.
    private static final int STREAMED_CHUNK = 1024;

    private final LanguageModel model;
    private final RowDecoder rows;
    private final TorchDecoder torch;

    private LoadedModel(LanguageModel model, RowDecoder rows, TorchDecoder torch) {
        this.model = model;
        this.rows = rows;
        this.torch = torch;
    }

    /// Prepares a model, which stays the caller's and must outlive the result.
    ///
    /// @param threads that share a product
    /// @param cacheType of the caches that it will be given
    public static LoadedModel of(LanguageModel model, int threads, DType cacheType) {
        var rows = RowDecoder.of(model, threads);
        try {
            // Both at once: in the first request, they would make everybody wait.
            rows.warm(cacheType);
            return new LoadedModel(model, rows, TorchDecoder.forPrompts(model));
        } catch (RuntimeException | Error failure) {
            rows.close();
            throw failure;
        }
    }

    /// Bytes that LibTorch's copy of a model's weights takes.
    public static long promptEngineBytes(LanguageModel model) {
        var bytes = 4 * model.weights().parameters();
        return Residency.of(model) == Residency.RESIDENT
                ? bytes
                : bytes / model.spec().blocks().size();
    }

    /// Tokens of a prompt that are best read at once while others wait.
    public static int chunk(LanguageModel model) {
        return Residency.of(model) == Residency.RESIDENT ? RESIDENT_CHUNK : STREAMED_CHUNK;
    }

    @Override
    public DecoderSpec spec() {
        return model.spec();
    }

    @Override
    public float[][] step(int[] tokens, List<KvCache> caches) {
        if (tokens.length <= RowDecoder.MAX_ROWS) {
            return rows.step(tokens, caches);
        }
        var all = new float[tokens.length][];
        for (var from = 0; from < all.length; from += RowDecoder.MAX_ROWS) {
            var end = Math.min(all.length, from + RowDecoder.MAX_ROWS);
            var some = rows.step(Arrays.copyOfRange(tokens, from, end), caches.subList(from, end));
            for (var i = from; i < end; i++) {
                all[i] = some[i - from].clone();
            }
        }
        return all;
    }

    @Override
    public void share(int count, IntConsumer work) {
        rows.share(count, work);
    }

    @Override
    public float[] read(int[] tokens, KvCache cache) {
        return tokens.length <= SHORT ? rows.prefill(tokens, cache) : torch.prefill(tokens, cache);
    }

    /// Scores are told, and compared with those of others: they come from F32 products, whatever reads
    /// prompts.
    @Override
    public void score(int[] tokens, KvCache cache, Logits logits) {
        for (var from = 0; from < tokens.length; from += RowDecoder.MAX_ROWS) {
            var end = Math.min(tokens.length, from + RowDecoder.MAX_ROWS);
            var some = rows.steps(Arrays.copyOfRange(tokens, from, end), cache);
            for (var i = from; i < end; i++) {
                logits.accept(i, some[i - from]);
            }
        }
    }

    @Override
    public void close() {
        torch.close();
        rows.close();
    }
}
