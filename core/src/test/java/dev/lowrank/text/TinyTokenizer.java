package dev.lowrank.text;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Small tokenizers for tests that need no file.
final class TinyTokenizer {
    private TinyTokenizer() {}

    /// Byte-level BPE with the vocabulary of the fixture and three special tokens after it.
    static GgufVocabulary vocabulary(String pre) {
        var golden = Golden.read("pre_rules.json");
        var tokens = new ArrayList<>(Golden.strings(golden.get("tokens")));
        var types = new ArrayList<Integer>();
        tokens.forEach(_ -> types.add(GgufTokenizers.NORMAL));
        for (var special : List.of("<|begin|>", "<|end|>", "<|turn|>")) {
            tokens.add(special);
            types.add(GgufTokenizers.CONTROL);
        }
        var normal = tokens.size() - 3;
        return new GgufVocabulary(
                "gpt2",
                pre,
                tokens,
                new float[0],
                types.stream().mapToInt(Integer::intValue).toArray(),
                Golden.strings(golden.get("merges")),
                normal,
                normal + 1,
                -1,
                -1,
                true,
                "{{ bos_token }}{% for m in messages %}<|turn|>{{ m.role }}: {{ m.content | trim }}{{ eos_token }}{% endfor %}");
    }

    static Map<String, byte[]> files() {
        return GgufTokenizers.toHuggingFace(vocabulary("gpt-2"));
    }

    static Tokenizer open() {
        return Tokenizer.ofFiles(files());
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
