package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/// `config.json` as it would be, from the metadata of a GGUF file. Missing optional keys take the defaults
/// of llama.cpp.
final class GgufConfig {
    private static final Map<String, String> ARCHITECTURES =
            Map.of("llama", "LlamaForCausalLM", "deci", "LlamaForCausalLM", "qwen2", "Qwen2ForCausalLM");
    /// Llama blocks whose MLPs have widths of their own.
    private static final String DECI = "deci";

    private static final int MAX_BLOCKS = 512;
    private static final int MAX_WIDTH = 1 << 20;
    private static final int MAX_CONTEXT = 1 << 30;

    private final GgufHeader header;
    private final GgufMetadata metadata;
    private final Path file;
    private final String architecture;

    private GgufConfig(GgufHeader header, GgufMetadata metadata, String architecture) {
        this.header = header;
        this.metadata = metadata;
        this.file = metadata.file();
        this.architecture = architecture;
    }

    static ModelConfig of(GgufHeader header, GgufMetadata metadata) {
        checkSplit(header, metadata);
        var architecture = metadata.text("general.architecture");
        if (architecture == null || !ARCHITECTURES.containsKey(architecture)) {
            throw new CheckpointException(
                    Code.CFG_UNSUPPORTED,
                    metadata.file(),
                    -1,
                    "general.architecture",
                    "The architecture " + Printable.escape(String.valueOf(architecture))
                            + " is not read from GGUF; expected llama, qwen2 or deci, or give the Hugging Face folder",
                    null);
        }
        return new ModelConfig(metadata.file(), new GgufConfig(header, metadata, architecture).json());
    }

    private static void checkSplit(GgufHeader header, GgufMetadata metadata) {
        var parts = metadata.whole("split.count", 1, 0, 65_535, Code.GG_SPLIT);
        var number = metadata.whole("split.no", 0, 0, 65_535, Code.GG_SPLIT);
        var tensors = metadata.whole("split.tensors.count", header.tensors().size(), 0, Long.MAX_VALUE, Code.GG_SPLIT);
        if (parts > 1 || number > 0 || tensors != header.tensors().size()) {
            throw new CheckpointException(
                    Code.GG_SPLIT,
                    metadata.file(),
                    -1,
                    "split.count",
                    "The file is part " + (number + 1) + " of " + parts + " and says the whole has " + tensors
                            + " tensors, of which it holds " + header.tensors().size()
                            + "; join the parts first (llama-gguf-split --merge)",
                    null);
        }
    }

    private ObjectNode json() {
        var blocks = whole("block_count", 1, MAX_BLOCKS);
        var hidden = whole("embedding_length", 1, MAX_WIDTH);
        var heads = same("attention.head_count", blocks, -1);
        var keyHeads = same("attention.head_count_kv", blocks, heads);
        var inner = perBlock("feed_forward_length", blocks, -1);
        var headSize = headSize(hidden, heads);
        if (heads % keyHeads != 0) {
            throw metadata.wrong(Code.GG_HPARAM, key("attention.head_count_kv"), "a divisor of " + heads);
        }
        var json = Json.object();
        json.putArray("architectures").add(ARCHITECTURES.get(architecture));
        json.put("attention_bias", has("blk.0.attn_q.bias"));
        token(json, "bos_token_id", "bos_token_id");
        json.put("dtype", dtypeName());
        token(json, "eos_token_id", "eos_token_id");
        json.put("head_dim", headSize);
        json.put("hidden_act", "silu");
        json.put("hidden_size", hidden);
        json.put("intermediate_size", inner.stream().max(Integer::compare).orElseThrow());
        json.put("max_position_embeddings", whole("context_length", 1, MAX_CONTEXT));
        json.put("mlp_bias", has("blk.0.ffn_gate.bias"));
        json.put("model_type", architecture.equals(DECI) ? "llama" : architecture);
        json.put("num_attention_heads", heads);
        json.put("num_hidden_layers", blocks);
        json.put("num_key_value_heads", keyHeads);
        token(json, "pad_token_id", "padding_token_id");
        json.put("rms_norm_eps", metadata.number(key("attention.layer_norm_rms_epsilon"), 1e-5, 1e-20, 1));
        json.set("rope_parameters", GgufRope.json(header, metadata, architecture, headSize));
        json.put("tie_word_embeddings", !has("output.weight"));
        json.put("vocab_size", vocabulary());
        if (inner.stream().distinct().count() > 1) {
            narrow(json, inner, headSize);
        }
        return json;
    }

    /// Widths of their own in the spelling of our folders.
    private static void narrow(ObjectNode json, List<Integer> inner, int headSize) {
        var block = json.putObject("lowrank").put("version", 1);
        block.putObject("sites");
        var list = block.putArray("blocks");
        for (var width : inner) {
            list.addObject()
                    .put("intermediate", width)
                    .put("key_dim", headSize)
                    .put("value_dim", headSize)
                    .putArray("pairs");
        }
    }

    /// A number that may be given for each block and is the same for all.
    private int same(String suffix, int blocks, int fallback) {
        var numbers = perBlock(suffix, blocks, fallback);
        if (numbers.stream().distinct().count() > 1) {
            throw metadata.wrong(Code.CFG_UNSUPPORTED, key(suffix), "the same number for every block");
        }
        return numbers.getFirst();
    }

    /// A number for all blocks, or, as deci has it, one for each.
    ///
    /// @param fallback where the key is missing; negative if it must be there
    private List<Integer> perBlock(String suffix, int blocks, int fallback) {
        var value = metadata.value(key(suffix));
        if (architecture.equals(DECI) && value != null && value.content() instanceof long[] numbers) {
            if (numbers.length != blocks || Arrays.stream(numbers).anyMatch(n -> n < 1 || n > MAX_WIDTH)) {
                throw metadata.wrong(
                        Code.CFG_UNSUPPORTED,
                        key(suffix),
                        blocks + " numbers from 1 to " + MAX_WIDTH + ": blocks without attention or MLP are not read");
            }
            return Arrays.stream(numbers).mapToObj(n -> (int) n).toList();
        }
        var number = fallback < 0 ? whole(suffix, 1, MAX_WIDTH) : whole(suffix, fallback, 1, MAX_WIDTH);
        return Collections.nCopies(blocks, number);
    }

    private int headSize(int hidden, int heads) {
        if (hidden % heads != 0 && !metadata.has(key("attention.key_length"))) {
            throw metadata.wrong(Code.GG_HPARAM, key("attention.head_count"), "a divisor of " + hidden);
        }
        var size = whole("attention.key_length", hidden / heads, 1, 65_536);
        if (whole("attention.value_length", size, 1, 65_536) != size) {
            throw metadata.wrong(Code.CFG_UNSUPPORTED, key("attention.value_length"), "the key length, " + size);
        }
        if (whole("rope.dimension_count", size, 1, 65_536) != size) {
            throw metadata.wrong(Code.CFG_UNSUPPORTED, key("rope.dimension_count"), "the head size, " + size);
        }
        if (size % 2 != 0) {
            throw metadata.wrong(Code.GG_HPARAM, key("attention.key_length"), "an even head size, not " + size);
        }
        return size;
    }

    private int vocabulary() {
        var embedding = header.tensors().get("token_embd.weight");
        if (embedding == null
                || embedding.shape().rank() != 2
                || embedding.shape().size(0) > Integer.MAX_VALUE) {
            throw new CheckpointException(
                    Code.CFG_TENSOR_MISMATCH, file, -1, "token_embd.weight", "The file has no token embedding", null);
        }
        var rows = (int) embedding.shape().size(0);
        if (whole("vocab_size", rows, 1, Integer.MAX_VALUE) != rows) {
            throw metadata.wrong(Code.CFG_TENSOR_MISMATCH, key("vocab_size"), rows + ", the rows of the embedding");
        }
        return rows;
    }

    /// Quantised weights are read as F32.
    private String dtypeName() {
        var widest = DType.BF16;
        for (var tensor : header.tensors().values()) {
            if (tensor.shape().rank() == 2) {
                var dtype = tensor.type().valueType();
                widest = dtype == DType.F32 || dtype == DType.F64 ? DType.F32 : widest == DType.F32 ? widest : dtype;
            }
        }
        return switch (widest) {
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            default -> "float32";
        };
    }

    private void token(ObjectNode json, String name, String ggufName) {
        var id = GgufTokenizerData.tokenId(metadata, ggufName);
        if (id >= 0) {
            json.put(name, id);
        } else {
            json.putNull(name);
        }
    }

    private boolean has(String tensor) {
        return header.tensors().containsKey(tensor);
    }

    private String key(String suffix) {
        return architecture + "." + suffix;
    }

    private int whole(String suffix, int min, int max) {
        return (int) metadata.requireWhole(key(suffix), min, max);
    }

    private int whole(String suffix, int fallback, int min, int max) {
        return (int) metadata.whole(key(suffix), fallback, min, max, Code.GG_HPARAM);
    }
}
