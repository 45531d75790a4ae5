package dev.lowrank.app.bench;

import dev.lowrank.checkpoint.GgufFile;
import dev.lowrank.model.Progress;
import dev.lowrank.model.output.GgufExport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// llama.cpp as the Python package xllamacpp has it: a process of its own for each turn. A `.gguf` file
/// runs as it is; any other model is first written as one, in the type of its weights.
///
/// @param python an interpreter that has xllamacpp
public record LlamaPython(String python) implements Peer {
    @Override
    public String name() {
        return Peers.LLAMA_CPP;
    }

    @Override
    public List<PeerSpeed> measure(Task task) throws InterruptedException {
        var file = file(task);
        var input = Map.<String, Object>of(
                "model", file.toAbsolutePath().toString(),
                "context", task.prompt().length + task.decodeTokens(),
                "rounds", task.rounds(),
                "threads", task.threads(),
                "request", LlamaServer.request(task.prompt(), task.decodeTokens()));
        var bytes = size(file);
        return new PeerScript(python, "llama_cpp.py", "xllamacpp")
                .run(input, task.waiting(), task.work()).stream()
                        .map(figure -> new PeerSpeed(
                                name(),
                                bytes,
                                figure.path("prompt_tokens").asInt(),
                                figure.path("prefill").asDouble(),
                                figure.path("decode").asDouble()))
                        .toList();
    }

    /// The model as a file of llama.cpp's; a later turn finds that of an earlier one.
    static Path file(Task task) {
        if (task.model().checkpoint() instanceof GgufFile file) {
            return file.path();
        }
        var made = task.work().resolve("model.gguf");
        if (!Files.exists(made)) {
            GgufExport.write(task.model(), made, null, Progress.silent());
        }
        return made;
    }

    static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
