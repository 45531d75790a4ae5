package dev.lowrank.model.output;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The small Python files that let `transformers` load a compressed folder with `trust_remote_code=True`.
///
/// @param modelType `model_type` of the model, which stays the original one
/// @param config name of its configuration class
/// @param base name of its base model class
/// @param causal name of its language model class
record RemoteCode(String modelType, String config, String base, String causal) {
    private static final String FOLDER = "/dev/lowrank/model/python/";

    private static final List<RemoteCode> ALL = List.of(
            new RemoteCode("llama", "LowrankLlamaConfig", "LowrankLlamaModel", "LowrankLlamaForCausalLM"),
            new RemoteCode("qwen2", "LowrankQwen2Config", "LowrankQwen2Model", "LowrankQwen2ForCausalLM"),
            new RemoteCode("gpt2", "LowrankGPT2Config", "LowrankGPT2Model", "LowrankGPT2LMHeadModel"),
            new RemoteCode(
                    "gpt_bigcode",
                    "LowrankGPTBigCodeConfig",
                    "LowrankGPTBigCodeModel",
                    "LowrankGPTBigCodeForCausalLM"));

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
        map.put("AutoModel", "modeling_lowrank_" + modelType + "." + base);
        map.put("AutoModelForCausalLM", "modeling_lowrank_" + modelType + "." + causal);
        return map;
    }

    /// The files, by name.
    Map<String, byte[]> files() {
        var files = new LinkedHashMap<String, byte[]>();
        for (var name : List.of(
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
