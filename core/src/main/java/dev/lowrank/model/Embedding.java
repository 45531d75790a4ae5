package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Looks token (and learned position and segment) embeddings up in the checkpoint's own memory, row by row,
/// so that a large vocabulary never has to be in memory as floats.
public final class Embedding {
    private final HostTensor table;
    private final @Nullable HostTensor positions;
    private final @Nullable Segments segments;
    private final int hidden;
    private final DType rounding;

    private Embedding(
            HostTensor table, @Nullable HostTensor positions, @Nullable Segments segments, int hidden, DType rounding) {
        this.table = table;
        this.positions = positions;
        this.segments = segments;
        this.hidden = hidden;
        this.rounding = rounding;
    }

    /// What an encoder adds and does besides.
    ///
    /// @param table `[segments, hidden]`
    /// @param norm applied to the sum
    private record Segments(HostTensor table, Supplier<TorchNorm> norm) {}

    /// The embedding of a model; valid while that is open.
    public static Embedding of(LanguageModel model) {
        var spec = model.spec();
        return new Embedding(
                model.weights().embedding(),
                spec.positions() instanceof Positions.Learned(var name)
                        ? model.weights().read(name + ".weight")
                        : null,
                spec.encoder().map(parts -> segments(model, parts)).orElse(null),
                spec.hiddenSize(),
                DType.F32);
    }

    private static Segments segments(LanguageModel model, EncoderParts parts) {
        return new Segments(
                model.weights().read(parts.segments() + ".weight"),
                () -> TorchNorm.load(model.spec().norm(), model.weights(), parts.embeddingNorm()));
    }

    /// An embedding without learned positions; valid while the table is.
    ///
    /// @param table `[vocab, hidden]`
    public static Embedding of(HostTensor table) {
        return new Embedding(table, null, null, Math.toIntExact(table.shape().size(1)), DType.F32);
    }

    /// The embedding as it is once its tables are stored in another type.
    ///
    /// @param dtype a floating type
    public Embedding rounded(DType dtype) {
        return new Embedding(table, positions, segments, hidden, dtype);
    }

    /// Embeds windows of equal length; an encoder takes each for a single segment.
    ///
    /// @param windows token ids, `[batch][seq]`
    /// @param past position of each window's first token
    /// @return F32 `[batch, seq, hidden]`, in the innermost scope
    /// @throws IllegalArgumentException for an id outside the vocabulary, or windows of unequal length
    public Tensor lookup(List<int[]> windows, int past) {
        return lookup(windows, past, (window, place) -> 0);
    }

    /// The segment of a token.
    interface SegmentOf {
        /// @param window number of its window
        /// @param place its place in the window
        int at(int window, int place);
    }

    /// The same where windows may have several segments.
    Tensor lookup(List<int[]> windows, int past, SegmentOf segment) {
        var seq = commonLength(windows);
        var rows = new float[Math.multiplyExact(Math.multiplyExact(windows.size(), seq), hidden)];
        var buffer = new float[hidden];
        var row = 0;
        for (var w = 0; w < windows.size(); w++) {
            for (var i = 0; i < seq; i++, row++) {
                add(table, windows.get(w)[i], rows, row, buffer);
                if (positions != null) {
                    add(positions, past + i, rows, row, buffer);
                }
                if (segments != null) {
                    add(segments.table(), segment.at(w, i), rows, row, buffer);
                }
            }
        }
        var own = segments;
        return TensorScope.tidy(() -> {
            var sum = Tensors.ofFloats(rows, windows.size(), seq, hidden);
            return own == null ? sum : own.norm().get().apply(sum);
        });
    }

    /// Embeds single tokens at positions of their own.
    ///
    /// @param tokens ids
    /// @param at position of each
    /// @return F32 `[1, tokens, hidden]`, in the innermost scope
    /// @throws IllegalArgumentException for an id outside the vocabulary
    public Tensor lookup(int[] tokens, int[] at) {
        var rows = new float[Math.multiplyExact(tokens.length, hidden)];
        var buffer = new float[hidden];
        for (var i = 0; i < tokens.length; i++) {
            add(table, tokens[i], rows, i, buffer);
            if (positions != null) {
                add(positions, at[i], rows, i, buffer);
            }
        }
        return Tensors.ofFloats(rows, 1, tokens.length, hidden);
    }

    /// Tokens in each window.
    ///
    /// @throws IllegalArgumentException if there is no token, or the windows differ in length
    static int commonLength(List<int[]> windows) {
        var seq = windows.isEmpty() ? 0 : windows.getFirst().length;
        if (seq == 0) {
            throw new IllegalArgumentException("A batch needs at least one window of at least one token");
        }
        for (var window : windows) {
            if (window.length != seq) {
                throw new IllegalArgumentException("The windows of a batch must have one length; found " + seq + " and "
                        + window.length + " tokens. Run windows of other lengths in batches of their own");
            }
        }
        return seq;
    }

    private void add(HostTensor source, int index, float[] rows, int row, float[] buffer) {
        if (index < 0 || index >= source.shape().size(0)) {
            throw new IllegalArgumentException("Token, position or segment " + index + " is outside the table of "
                    + source.shape().size(0) + " rows");
        }
        source.copyFloats((long) index * hidden, hidden, buffer, 0);
        if (rounding != DType.F32 && rounding != DType.F64) {
            var rounded = TensorScope.tidy(
                    () -> Tensors.ofFloats(buffer, hidden).to(rounding).toFloats());
            System.arraycopy(rounded, 0, buffer, 0, hidden);
        }
        var to = row * hidden;
        for (var i = 0; i < hidden; i++) {
            rows[to + i] += buffer[i];
        }
    }
}
