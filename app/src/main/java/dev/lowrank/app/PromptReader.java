package dev.lowrank.app;

import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Prefill;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import org.jspecify.annotations.Nullable;

/// Reads prompts with the engine that is through first. LibTorch reads many tokens at once but has to be
/// loaded and given the weights; the row decoder starts at once and reads a few tokens at a time.
///
/// The costs were measured on two cores with models of 5 and 135 million parameters, where the engines draw
/// level at about 5000 and 360 tokens. The choice depends on sizes alone, never on a clock, so that a
/// prompt is read by the same engine every time.
final class PromptReader implements Prefill, AutoCloseable {
    private static final double ROW_SECONDS_PER_PARAMETER = 0.04e-9;
    private static final double TORCH_START_SECONDS = 1.0;
    private static final double TORCH_SECONDS_PER_PARAMETER = 7e-9;

    private final LanguageModel model;
    private final RowDecoder row;
    private @Nullable TorchDecoder torch;

    /// @param model borrowed
    /// @param row borrowed
    PromptReader(LanguageModel model, RowDecoder row) {
        this.model = model;
        this.row = row;
    }

    @Override
    public float[] prefill(int[] tokens, KvCache cache) {
        if (!usesTorch(model.weights().parameters(), tokens.length)) {
            return row.prefill(tokens, cache);
        }
        var loaded = torch;
        if (loaded == null) {
            loaded = TorchDecoder.forPrompts(model);
            torch = loaded;
        }
        return loaded.prefill(tokens, cache);
    }

    /// Whether LibTorch is through with a prompt first, its start included.
    static boolean usesTorch(long parameters, int tokens) {
        return tokens * ROW_SECONDS_PER_PARAMETER * parameters
                > TORCH_START_SECONDS + TORCH_SECONDS_PER_PARAMETER * parameters;
    }

    @Override
    public void close() {
        if (torch != null) {
            torch.close();
        }
    }
}
