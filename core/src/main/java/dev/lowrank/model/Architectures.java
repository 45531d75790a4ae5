package dev.lowrank.model;

import dev.lowrank.checkpoint.ModelConfig;
import java.util.List;
import java.util.stream.Collectors;

/// The visible list of architectures. Adding one means adding a file and a line here.
public final class Architectures {
    private static final List<Architecture> ALL =
            List.of(new Llama(), new Qwen2(), new Gpt2(), new GptBigCode(), new Bert());

    private Architectures() {}

    /// All supported architectures.
    public static List<Architecture> all() {
        return ALL;
    }

    /// The architecture of a configuration.
    ///
    /// @throws dev.lowrank.checkpoint.CheckpointException naming the supported ones
    public static Architecture of(ModelConfig config) {
        var type = config.modelType();
        return ALL.stream()
                .filter(architecture -> architecture.modelType().equals(type))
                .findFirst()
                .orElseThrow(() -> config.unsupported(
                        "model_type",
                        type,
                        ALL.stream().map(Architecture::modelType).collect(Collectors.joining(", "))));
    }
}
