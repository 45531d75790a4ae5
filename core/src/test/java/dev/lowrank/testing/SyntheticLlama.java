package dev.lowrank.testing;

import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Writes a Llama folder of any size with seeded random BF16 weights, for runs that need a large model or
/// one that no file gives. It holds one tensor in memory at a time.
public final class SyntheticLlama {
    /// Largest shard.
    private static final long MOST_BYTES = 1_900_000_000L;

    private static final int CONTEXT = 2048;
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private SyntheticLlama() {}

    /// The shape of a model; head and embedding are tied.
    ///
    /// @param hidden width of the residual stream, a multiple of `heads`
    /// @param layers blocks
    /// @param heads query heads
    /// @param kvHeads key and value heads, a divisor of `heads`
    /// @param inner width of the MLP
    /// @param vocab rows of the embedding
    public record Size(int hidden, int layers, int heads, int kvHeads, int inner, int vocab) {
        /// 3.02 billion parameters, 6.03 GB.
        public static final Size THREE_BILLION = new Size(3072, 29, 24, 8, 8192, 32_000);

        /// A few seconds of work for a compression.
        public static final Size TINY = new Size(192, 12, 6, 3, 384, 512);

        int headDim() {
            return hidden / heads;
        }

        /// All numbers of the model.
        public long parameters() {
            return tensors().stream()
                    .mapToLong(tensor -> tensor.shape().elements())
                    .sum();
        }

        private List<SafetensorsWriter.Entry> tensors() {
            var list = new ArrayList<SafetensorsWriter.Entry>();
            list.add(entry("model.embed_tokens.weight", vocab, hidden));
            for (var layer = 0; layer < layers; layer++) {
                var block = "model.layers." + layer + ".";
                var queries = (long) heads * headDim();
                var keys = (long) kvHeads * headDim();
                list.add(entry(block + "input_layernorm.weight", hidden));
                list.add(entry(block + "self_attn.q_proj.weight", queries, hidden));
                list.add(entry(block + "self_attn.k_proj.weight", keys, hidden));
                list.add(entry(block + "self_attn.v_proj.weight", keys, hidden));
                list.add(entry(block + "self_attn.o_proj.weight", hidden, queries));
                list.add(entry(block + "post_attention_layernorm.weight", hidden));
                list.add(entry(block + "mlp.gate_proj.weight", inner, hidden));
                list.add(entry(block + "mlp.up_proj.weight", inner, hidden));
                list.add(entry(block + "mlp.down_proj.weight", hidden, inner));
            }
            list.add(entry("model.norm.weight", hidden));
            return list;
        }

        private static SafetensorsWriter.Entry entry(String name, long... sizes) {
            return new SafetensorsWriter.Entry(name, DType.BF16, Shape.of(sizes));
        }
    }

    /// Writes weights and configuration.
    ///
    /// @param folder an empty folder, or one to be made
    /// @param seed the same seed gives the same bytes
    public static void write(Path folder, Size size, long seed) throws IOException {
        write(folder, size, seed, MOST_BYTES);
    }

    static void write(Path folder, Size size, long seed, long mostBytes) throws IOException {
        Files.createDirectories(folder);
        var shards = split(size.tensors(), mostBytes);
        var places = new TreeMap<String, String>();
        for (var i = 0; i < shards.size(); i++) {
            var file = shards.size() == 1
                    ? "model.safetensors"
                    : "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
            try (var writer = SafetensorsWriter.create(folder.resolve(file), shards.get(i))) {
                for (var entry : shards.get(i)) {
                    places.put(entry.name(), file);
                    write(writer, entry, seed);
                }
                writer.finish();
            }
        }
        if (shards.size() > 1) {
            var index = JSON.createObjectNode();
            index.putObject("metadata").put("total_size", 2 * size.parameters());
            var map = index.putObject("weight_map");
            places.forEach(map::put);
            Files.write(folder.resolve("model.safetensors.index.json"), JSON.writeValueAsBytes(index));
        }
        Files.write(folder.resolve("config.json"), JSON.writeValueAsBytes(config(size)));
    }

    private static List<List<SafetensorsWriter.Entry>> split(List<SafetensorsWriter.Entry> entries, long mostBytes) {
        var shards = new ArrayList<List<SafetensorsWriter.Entry>>();
        var current = new ArrayList<SafetensorsWriter.Entry>();
        var bytes = 0L;
        for (var entry : entries) {
            var more = entry.shape().elements() * 2;
            if (!current.isEmpty() && bytes + more > mostBytes) {
                shards.add(List.copyOf(current));
                current.clear();
                bytes = 0;
            }
            current.add(entry);
            bytes += more;
        }
        shards.add(List.copyOf(current));
        return shards;
    }

    /// Ones for norms, else uniform numbers of variance 1 / columns; each tensor has a stream of its own,
    /// so that its values depend on seed and name alone.
    private static void write(SafetensorsWriter writer, SafetensorsWriter.Entry entry, long seed) {
        var shape = entry.shape();
        try (var arena = Arena.ofConfined()) {
            var data = arena.allocate(2 * shape.elements(), 64);
            var random = new SplittableRandom(seed * 31 + entry.name().hashCode());
            var bound = shape.rank() == 1 ? 0 : Math.sqrt(3.0 / shape.size(1));
            var scale = (float) (bound / (1 << 23));
            for (var i = 0L; i < shape.elements(); i++) {
                // 24 random bits as a number in [-1, 1), times the bound.
                var value = shape.rank() == 1 ? 1f : ((random.nextInt() >> 8) * scale);
                data.set(HostTensor.SHORT, 2 * i, (short) (Float.floatToRawIntBits(value) >>> 16));
            }
            writer.write(entry.name(), new HostTensor(DType.BF16, shape, data));
        }
    }

    private static ObjectNode config(Size size) {
        var config = JSON.createObjectNode();
        config.putArray("architectures").add("LlamaForCausalLM");
        config.put("model_type", "llama");
        config.put("dtype", "bfloat16");
        config.put("hidden_size", size.hidden());
        config.put("num_hidden_layers", size.layers());
        config.put("num_attention_heads", size.heads());
        config.put("num_key_value_heads", size.kvHeads());
        config.put("head_dim", size.headDim());
        config.put("intermediate_size", size.inner());
        config.put("vocab_size", size.vocab());
        config.put("max_position_embeddings", CONTEXT);
        config.put("hidden_act", "silu");
        config.put("rms_norm_eps", 1e-5);
        config.put("tie_word_embeddings", true);
        config.put("attention_bias", false);
        config.put("mlp_bias", false);
        config.put("bos_token_id", 0);
        config.put("eos_token_id", 0);
        config.putObject("rope_parameters").put("rope_type", "default").put("rope_theta", 10000.0);
        return config;
    }

    /// Copies a folder's BPE tokenizer, with words that no text contains up to a number of tokens.
    ///
    /// @param from a folder with `tokenizer.json`
    /// @throws IllegalArgumentException if that knows more tokens already
    public static void addTokenizer(Path folder, Path from, int vocab) throws IOException {
        var root = JSON.readTree(Files.readAllBytes(from.resolve("tokenizer.json")));
        if (!(root.path("model").path("vocab") instanceof ObjectNode words)) {
            throw new IllegalArgumentException("The tokenizer of " + from + " has no model.vocab to be extended");
        }
        var next = 0;
        for (var word : words.properties()) {
            next = Math.max(next, word.getValue().asInt() + 1);
        }
        for (var added : root.path("added_tokens")) {
            next = Math.max(next, added.path("id").asInt() + 1);
        }
        if (next > vocab) {
            throw new IllegalArgumentException(
                    "The tokenizer of " + from + " knows " + next + " tokens, more than " + vocab);
        }
        for (var id = next; id < vocab; id++) {
            words.put("<|pad_" + id + "|>", id);
        }
        Files.write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(root));
        var settings = from.resolve("tokenizer_config.json");
        if (Files.exists(settings)) {
            Files.write(folder.resolve("tokenizer_config.json"), Files.readAllBytes(settings));
        }
    }

    /// Run by hand: `FOLDER TOKENIZER_FOLDER [SEED [HIDDEN LAYERS HEADS KV_HEADS INNER VOCAB]]`; without a
    /// size it has three billion parameters.
    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 2 && arguments.length != 3 && arguments.length != 9) {
            throw new IllegalArgumentException(
                    "Arguments: FOLDER TOKENIZER_FOLDER [SEED [HIDDEN LAYERS HEADS KV_HEADS INNER VOCAB]]");
        }
        var folder = Path.of(arguments[0]);
        var seed = arguments.length > 2 ? Long.parseLong(arguments[2]) : 1;
        var size = arguments.length > 3
                ? new Size(
                        Integer.parseInt(arguments[3]),
                        Integer.parseInt(arguments[4]),
                        Integer.parseInt(arguments[5]),
                        Integer.parseInt(arguments[6]),
                        Integer.parseInt(arguments[7]),
                        Integer.parseInt(arguments[8]))
                : Size.THREE_BILLION;
        write(folder, size, seed);
        addTokenizer(folder, Path.of(arguments[1]), size.vocab());
        System.out.printf("%s: %,d parameters%n", folder, size.parameters());
    }
}
