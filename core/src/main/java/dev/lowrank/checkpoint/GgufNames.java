package dev.lowrank.checkpoint;

import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Tensor names of llama-like GGUF files in Hugging Face spelling.
final class GgufNames {
    /// Divisors of the rotary frequencies; folded into the configuration, not a weight.
    static final String ROPE_FREQUENCIES = "rope_freqs.weight";

    private static final Pattern BLOCK = Pattern.compile("blk\\.(0|[1-9]\\d{0,3})\\.([a-z_]+)\\.(weight|bias)");
    private static final Map<String, String> TOP = Map.of(
            "token_embd.weight", "model.embed_tokens.weight",
            "output_norm.weight", "model.norm.weight",
            "output.weight", "lm_head.weight");
    private static final Map<String, String> IN_BLOCK = Map.of(
            "attn_norm", "input_layernorm",
            "attn_q", "self_attn.q_proj",
            "attn_k", "self_attn.k_proj",
            "attn_v", "self_attn.v_proj",
            "attn_output", "self_attn.o_proj",
            "ffn_norm", "post_attention_layernorm",
            "ffn_gate", "mlp.gate_proj",
            "ffn_up", "mlp.up_proj",
            "ffn_down", "mlp.down_proj");

    private GgufNames() {}

    /// @param name tensor name of the file
    /// @param blocks how many blocks the file declares
    /// @return the Hugging Face name, or null if these architectures have no such tensor
    static @Nullable String toHuggingFace(String name, int blocks) {
        var top = TOP.get(name);
        if (top != null) {
            return top;
        }
        var match = BLOCK.matcher(name);
        if (!match.matches() || Integer.parseInt(match.group(1)) >= blocks) {
            return null;
        }
        var part = IN_BLOCK.get(match.group(2));
        return part == null ? null : "model.layers." + match.group(1) + "." + part + "." + match.group(3);
    }
}
