package dev.lowrank.model.output;

import dev.lowrank.model.DecoderSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// The small Python files that let `transformers` load a compressed folder with `trust_remote_code=True`.
///
/// @param modelType `model_type` of the model, which stays the original one
/// @param config name of its configuration class
/// @param models class of each model by the `Auto` class that makes it
record RemoteCode(String modelType, String config, Map<String, String> models) {
    private static final String FOLDER = "/dev/lowrank/model/python/";

    private static final List<RemoteCode> ALL = List.of(
            causal("llama", "LowrankLlama", "ForCausalLM"),
            causal("qwen2", "LowrankQwen2", "ForCausalLM"),
            causal("gpt2", "LowrankGPT2", "LMHeadModel"),
            causal("gpt_bigcode", "LowrankGPTBigCode", "ForCausalLM"),
            new RemoteCode(
                    "bert",
                    "LowrankBertConfig",
                    ordered(
                            "AutoModel", "LowrankBertModel",
                            "AutoModelForMaskedLM", "LowrankBertForMaskedLM",
                            "AutoModelForSequenceClassification", "LowrankBertForSequenceClassification")));

    private static RemoteCode causal(String modelType, String stem, String head) {
        var models = ordered("AutoModel", stem + "Model", "AutoModelForCausalLM", stem + head);
        return new RemoteCode(modelType, stem + "Config", models);
    }

    private static Map<String, String> ordered(String... pairs) {
        var map = new LinkedHashMap<String, String>();
        for (var i = 0; i < pairs.length; i += 2) {
            map.put(pairs[i], pairs[i + 1]);
        }
        return Collections.unmodifiableMap(map);
    }

    /// The code of an architecture.
    static RemoteCode of(String modelType) {
        return ALL.stream()
                .filter(code -> code.modelType.equals(modelType))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("No Python code is written for " + modelType));
    }

    /// `auto_map` of config.json.
    Map<String, String> autoMap() {
        var map = new LinkedHashMap<String, String>();
        map.put("AutoConfig", "configuration_lowrank_" + modelType + "." + config);
        models.forEach((auto, model) -> map.put(auto, "modeling_lowrank_" + modelType + "." + model));
        return map;
    }

    /// The class that makes the whole model, head and all, for `architectures` of config.json.
    ///
    /// @param spec what the model is
    String architecture(DecoderSpec spec) {
        var auto = spec.transformersClass();
        return Objects.requireNonNull(models.get(auto), auto);
    }

    /// The files, by name.
    Map<String, byte[]> files() {
        var files = new LinkedHashMap<String, byte[]>();
        for (var name : List.of(
                "lowrank_blocks.py",
                "lowrank_layers.py",
                "configuration_lowrank_" + modelType + ".py",
                "modeling_lowrank_" + modelType + ".py")) {
            files.put(name, resource(name));
        }
        return files;
    }

    private static byte[] resource(String name) {
        try (var stream = RemoteCode.class.getResourceAsStream(FOLDER + name)) {
            if (stream == null) {
                throw new IllegalStateException("The resource " + FOLDER + name + " is missing from the build");
            }
            return stream.readAllBytes();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
