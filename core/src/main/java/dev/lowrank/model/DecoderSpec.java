package dev.lowrank.model;

import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// What a transformer is, said once: both engines, the compressor and the planner read only this.
///
/// A block adds attention and then an MLP to its residual stream, with a norm for each ([Residual]). The
/// MLP is gated when the block has a [Role#GATE_PROJ] site: `down(activation(gate(x)) * up(x))`, else
/// `down(activation(up(x)))`. Tensor names are those of the checkpoint without their `.weight` / `.bias`
/// suffix.
///
/// @param modelType `model_type` of config.json
/// @param vocabSize rows of the embedding
/// @param hiddenSize width of the residual stream
/// @param heads query heads
/// @param kvHeads key/value heads; divides `heads`
/// @param headDim width of one head before anything was cut; scales attention and counts rotary pairs
/// @param maxPositions context length of the checkpoint
/// @param norm kind and epsilon of every norm
/// @param residual where a block's norms stand
/// @param positions how positions enter
/// @param activation activation of the MLP
/// @param qkvOrder row order of a fused [Role#QKV_PROJ]
/// @param embedding token embedding
/// @param purpose whether it continues texts or reads them, and what stands around its blocks for that
/// @param blocks in execution order
public record DecoderSpec(
        String modelType,
        int vocabSize,
        int hiddenSize,
        int heads,
        int kvHeads,
        int headDim,
        int maxPositions,
        Norm norm,
        Residual residual,
        Positions positions,
        Activation activation,
        QkvOrder qkvOrder,
        String embedding,
        Purpose purpose,
        List<Block> blocks) {

    public DecoderSpec {
        if (heads % kvHeads != 0) {
            throw new IllegalArgumentException(
                    "num_attention_heads (" + heads + ") must be a multiple of num_key_value_heads (" + kvHeads + ")");
        }
        blocks = List.copyOf(blocks);
    }

    /// One block.
    ///
    /// @param index from 0
    /// @param attentionNorm norm before attention, or after its sum
    /// @param mlpNorm norm before the MLP, or after its sum
    /// @param sites its linears, in execution order
    /// @param heads widths of its attention heads
    public record Block(int index, String attentionNorm, String mlpNorm, List<LinearSite> sites, Heads heads) {
        public Block {
            sites = List.copyOf(sites);
        }

        /// The site with this role, if the block has one.
        public Optional<LinearSite> site(Role role) {
            return sites.stream().filter(site -> site.role() == role).findFirst();
        }

        /// The site with this role, which the block must have.
        public LinearSite require(Role role) {
            return site(role).orElseThrow(() -> new IllegalStateException("Block " + index + " has no " + role));
        }

        /// Whether the MLP multiplies by an activated gate.
        public boolean gated() {
            return site(Role.GATE_PROJ).isPresent();
        }
    }

    /// The widths of a block's attention heads: those of the architecture, or fewer dimensions where a
    /// method cut them.
    ///
    /// @param keyDim width of a query or key head; even where positions rotate
    /// @param valueDim width of a value head
    /// @param pairs for each key/value head the rotary pairs that it kept, in storage order,
    ///     `[kvHeads][keyDim
    ///     / 2]`: pair `p` of a head of width `d` is dimensions `p` and `p + d / 2` and turns with
    ///     frequency
    ///     `p`; empty where all are there in order
    public record Heads(int keyDim, int valueDim, List<List<Integer>> pairs) {
        public Heads {
            pairs = pairs.stream().map(List::copyOf).toList();
        }

        /// Heads as the architecture has them.
        public static Heads whole(int headDim) {
            return new Heads(headDim, headDim, List.of());
        }
    }

    /// Normalisation of the residual stream.
    ///
    /// @param kind RMS (scale only) or layer norm (scale and shift)
    /// @param epsilon added to the (mean) square or variance
    public record Norm(Kind kind, double epsilon) {
        /// Which statistics are divided out.
        public enum Kind {
            RMS,
            LAYER
        }
    }

    /// Where a block's norms stand.
    public enum Residual {
        /// `h += attention(norm(h)); h += mlp(norm(h))`.
        NORM_FIRST,
        /// `h = norm(h + attention(h)); h = norm(h + mlp(h))`.
        NORM_LAST
    }

    /// What the model is for.
    public sealed interface Purpose {
        /// Continues a text: each position sees itself and those before it and predicts the next token.
        ///
        /// @param finalNorm norm before the head
        /// @param head output projection; the same name as the embedding when tied
        record Decoder(String finalNorm, String head) implements Purpose {}

        /// Reads a text: each position sees all of them.
        ///
        /// @param parts what stands around the blocks
        record Encoder(EncoderParts parts) implements Purpose {}
    }

    /// How token positions enter the computation.
    public sealed interface Positions {
        /// Rotation of query and key halves (`x1 cos − x2 sin`, `x2 cos + x1 sin`; halves, not neighbours).
        ///
        /// @param rope its frequencies
        record Rotary(Rope rope) implements Positions {}

        /// A learned table added to the token embedding.
        ///
        /// @param table its name, `[maxPositions, hidden]`
        record Learned(String table) implements Positions {}
    }

    /// Activation functions of the supported MLPs.
    public enum Activation {
        SILU,
        GELU,
        GELU_TANH,
        RELU;

        /// Applies it to each element, in the innermost scope.
        Tensor apply(Tensor x) {
            return switch (this) {
                case SILU -> Functional.silu(x);
                case GELU -> Functional.gelu(x);
                case GELU_TANH -> Functional.geluTanh(x);
                case RELU -> Functional.relu(x);
            };
        }
    }

    /// Row order of a fused query/key/value matrix.
    public enum QkvOrder {
        /// All query rows, then all key rows, then all value rows.
        CONCATENATED,
        /// For each head its query, key and value rows.
        PER_HEAD
    }

    /// Norm before the head of a decoder.
    ///
    /// @throws IllegalStateException for an encoder
    public String finalNorm() {
        return decoder().finalNorm();
    }

    /// Output projection of a decoder.
    ///
    /// @throws IllegalStateException for an encoder
    public String head() {
        return decoder().head();
    }

    private Purpose.Decoder decoder() {
        if (purpose instanceof Purpose.Decoder decoder) {
            return decoder;
        }
        throw new IllegalStateException(modelType + " is an encoder and has no next-token head");
    }

    /// What stands around the blocks, if this is an encoder.
    public Optional<EncoderParts> encoder() {
        return purpose instanceof Purpose.Encoder(var parts) ? Optional.of(parts) : Optional.empty();
    }

    /// Whether no table but the embedding scores tokens.
    public boolean tied() {
        return switch (purpose) {
            case Purpose.Decoder(var _, var head) -> head.equals(embedding);
            case Purpose.Encoder(var parts) ->
                parts.masked().map(head -> head.table().equals(embedding)).orElse(true);
        };
    }

    /// The class of Python `transformers` that makes the whole model, head and all.
    public String transformersClass() {
        return switch (purpose) {
            case Purpose.Decoder _ -> "AutoModelForCausalLM";
            case Purpose.Encoder(var parts) when parts.masked().isPresent() -> "AutoModelForMaskedLM";
            case Purpose.Encoder(var parts) when parts.classifier().isPresent() -> "AutoModelForSequenceClassification";
            case Purpose.Encoder _ -> "AutoModel";
        };
    }

    /// Factor on the attention scores.
    public double attentionScale() {
        return 1.0 / Math.sqrt(headDim);
    }

    /// All sites in execution order.
    public Stream<LinearSite> sites() {
        return blocks.stream().flatMap(block -> block.sites().stream());
    }
}
