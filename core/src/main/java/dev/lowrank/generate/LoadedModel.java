package dev.lowrank.generate;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.TensorScope;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A checkpoint behind an engine: the row decoder makes tokens, LibTorch reads prompts once it is loaded,
/// which the first longer prompt does.
public final class LoadedModel implements BatchModel {
    /// Shorter prompts are read by the row decoder: they are not worth LibTorch's calls.
    private static final int SHORT = 16;

    /// Above this the F32 copy of all weights would take more than 4 GB.
    private static final long RESIDENT_PARAMETERS = 1_000_000_000L;

    /// Positions whose logits are made at once.
    private static final int SCORED_ROWS = 32;

    private final LanguageModel model;
    private final RowDecoder rows;
    private @Nullable TorchDecoder torch;

    private LoadedModel(LanguageModel model, RowDecoder rows) {
        this.model = model;
        this.rows = rows;
    }

    /// Prepares a model, which stays the caller's and must outlive the result.
    ///
    /// @param threads that share a product
    public static LoadedModel of(LanguageModel model, int threads) {
        return new LoadedModel(model, RowDecoder.of(model, threads));
    }

    /// Bytes that LibTorch's copy of a model's weights takes.
    public static long promptEngineBytes(LanguageModel model) {
        var parameters = model.weights().parameters();
        return residency(parameters) == Residency.RESIDENT
                ? 4 * parameters
                : 4 * parameters / model.spec().blocks().size();
    }

    private static Residency residency(long parameters) {
        return parameters <= RESIDENT_PARAMETERS ? Residency.RESIDENT : Residency.STREAMED;
    }

    @Override
    public DecoderSpec spec() {
        return model.spec();
    }

    @Override
    public float[][] step(int[] tokens, List<KvCache> caches) {
        return rows.step(tokens, caches);
    }

    @Override
    public float[] read(int[] tokens, KvCache cache) {
        return tokens.length <= SHORT ? rows.prefill(tokens, cache) : torch().prefill(tokens, cache);
    }

    @Override
    public void score(int[] tokens, KvCache cache, Logits logits) {
        if (tokens.length <= SHORT) {
            for (var i = 0; i < tokens.length; i++) {
                logits.accept(i, rows.step(tokens[i], cache));
            }
            return;
        }
        var decoder = torch();
        TensorScope.tidyRun(() -> {
            var hidden = decoder.extend(tokens, cache); // [1, tokens, hidden]
            for (var from = 0; from < tokens.length; from += SCORED_ROWS) {
                var first = from;
                var count = Math.min(SCORED_ROWS, tokens.length - from);
                var flat = TensorScope.tidy(
                        () -> decoder.logits(hidden.narrow(1, first, count)).toFloats()); // [count * vocab]
                var row = new float[flat.length / count];
                for (var i = 0; i < count; i++) {
                    System.arraycopy(flat, i * row.length, row, 0, row.length);
                    logits.accept(first + i, row);
                }
            }
        });
    }

    private TorchDecoder torch() {
        var loaded = torch;
        if (loaded == null) {
            loaded = TorchDecoder.load(model, residency(model.weights().parameters()));
            torch = loaded;
        }
        return loaded;
    }

    @Override
    public void close() {
        if (torch != null) {
            torch.close();
        }
        rows.close();
    }
}
