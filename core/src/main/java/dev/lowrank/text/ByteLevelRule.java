package dev.lowrank.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// How a byte-level BPE tokenizer cuts text before merging, by the `pre` name that GGUF files give the cut.
/// Each row states the rule of the published tokenizers behind the name.
///
/// @param normalizer a `tokenizer.json` normalizer's type, null for none
/// @param digits whether every digit is cut off before anything else
/// @param split the pattern that cuts, null for GPT-2's, which the library has built in
/// @param ignoreMerges whether a piece that is a token needs no merges
record ByteLevelRule(
        @Nullable String normalizer,
        boolean digits,
        @Nullable String split,
        boolean ignoreMerges) {
    private static final String LLAMA_3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String QWEN_2 = LLAMA_3.replace("\\p{N}{1,3}", "\\p{N}");
    private static final String TEKKEN =
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
                    + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
                    + "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static final ByteLevelRule GPT_2 = new ByteLevelRule(null, false, null, false);
    private static final ByteLevelRule DIGITS = new ByteLevelRule(null, true, null, false);
    private static final ByteLevelRule LLAMA_BPE = new ByteLevelRule(null, false, LLAMA_3, true);

    private static final Map<String, ByteLevelRule> RULES = new TreeMap<>(Map.ofEntries(
            Map.entry("default", GPT_2),
            Map.entry("gpt-2", GPT_2),
            Map.entry("gpt2", GPT_2),
            Map.entry("smollm", DIGITS),
            Map.entry("starcoder", DIGITS),
            Map.entry("refact", DIGITS),
            Map.entry("codeshell", DIGITS),
            Map.entry("llama3", LLAMA_BPE),
            Map.entry("llama-v3", LLAMA_BPE),
            Map.entry("llama-bpe", LLAMA_BPE),
            Map.entry("qwen2", new ByteLevelRule("NFC", false, QWEN_2, false)),
            Map.entry("tekken", new ByteLevelRule(null, false, TEKKEN, true))));

    /// The name that is written, of those with one rule.
    private static final List<String> WRITTEN = List.of("gpt-2", "smollm", "llama-bpe", "qwen2", "tekken");

    static ByteLevelRule of(String pre) {
        var rule = RULES.get(pre);
        if (rule == null) {
            throw new TextException(
                    TextException.Code.TOK_REGEX,
                    "GGUF tokenizer",
                    "its pre-tokenizer '" + pre + "' is not known; known are " + RULES.keySet()
                            + ". Take the model as a folder with " + TokenizerFiles.TOKENIZER + " instead.");
        }
        return rule;
    }

    /// The name that GGUF files give to the way in which a tokenizer cuts text.
    ///
    /// @param tokenizer the whole `tokenizer.json`
    /// @param model its model
    /// @throws TextException `TOK_REGEX` if no name is known for it
    static String nameOf(ObjectNode tokenizer, ObjectNode model) {
        var rule = read(tokenizer, model);
        for (var name : WRITTEN) {
            if (of(name).equals(rule)) {
                return name;
            }
        }
        throw VocabularyExport.fault(
                TextException.Code.TOK_REGEX,
                "cuts text in a way that GGUF has no known name for: normalizer "
                        + VocabularyExport.shown(tokenizer.path("normalizer")) + ", pre-tokenizer "
                        + VocabularyExport.shown(tokenizer.path("pre_tokenizer")) + "; known are " + WRITTEN + ".");
    }

    /// @return the rule that a tokenizer states; null if it is none of this shape
    private static @Nullable ByteLevelRule read(ObjectNode tokenizer, ObjectNode model) {
        var first = tokenizer.path("pre_tokenizer");
        var steps = new ArrayList<JsonNode>();
        if (first.path("type").asString("").equals("Sequence")) {
            first.path("pretokenizers").forEach(steps::add);
        } else {
            steps.add(first);
        }
        var last = steps.isEmpty() ? first : steps.removeLast();
        var digits =
                !steps.isEmpty() && steps.getFirst().path("individual_digits").asBoolean(false);
        if (digits) {
            steps.removeFirst();
        }
        var split = steps.isEmpty() ? null : pattern(steps.removeFirst());
        var normalizer = tokenizer.path("normalizer").path("type").asString(null);
        var plain = last.path("type").asString("").equals("ByteLevel")
                && !last.path("add_prefix_space").asBoolean(true)
                && last.path("use_regex").asBoolean(true) == (split == null);
        return plain && steps.isEmpty()
                ? new ByteLevelRule(
                        normalizer, digits, split, model.path("ignore_merges").asBoolean(false))
                : null;
    }

    /// A step that is none gives a pattern that no rule has.
    private static String pattern(JsonNode step) {
        var isolated = step.path("type").asString("").equals("Split")
                && step.path("behavior").asString("").equals("Isolated")
                && !step.path("invert").asBoolean(false);
        return isolated ? step.path("pattern").path("Regex").asString("") : "";
    }

    void describe(ObjectNode tokenizer) {
        if (normalizer == null) {
            tokenizer.putNull("normalizer");
        } else {
            tokenizer.putObject("normalizer").put("type", normalizer);
        }
        var steps = tokenizer.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        if (digits) {
            steps.addObject().put("type", "Digits").put("individual_digits", true);
        }
        if (split != null) {
            var step = steps.addObject().put("type", "Split");
            step.putObject("pattern").put("Regex", split);
            step.put("behavior", "Isolated").put("invert", false);
        }
        byteLevel(steps.addObject()).put("use_regex", split == null);
        byteLevel(tokenizer.putObject("decoder")).put("use_regex", true);
    }

    private static ObjectNode byteLevel(ObjectNode step) {
        return step.put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true);
    }
}
