package dev.lowrank.app.bench;

import dev.lowrank.checkpoint.GgufFile;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Python transformers on the CPU, in float32 and in bfloat16: a process of its own for each turn. Its
/// threads wait as they do by default in odd turns and passively in even ones, which is slower on an idle
/// machine and faster on a busy one: the better counts.
///
/// @param python an interpreter that has torch and transformers, and gguf for `.gguf` files
public record TransformersPeer(String python) implements Peer {
    @Override
    public String name() {
        return Peers.TRANSFORMERS;
    }

    @Override
    public List<PeerSpeed> measure(Task task) throws InterruptedException {
        var environment = new HashMap<>(task.waiting());
        environment.put("OMP_NUM_THREADS", Integer.toString(task.threads()));
        environment.put("HF_HUB_OFFLINE", "1");
        return new PeerScript(python, "transformers.py", "torch and transformers")
                .run(input(task), environment, task.work()).stream()
                        .map(figure -> new PeerSpeed(
                                name() + " " + figure.path("type").asString(),
                                figure.path("bytes").asLong(),
                                task.prompt().length,
                                figure.path("prefill").asDouble(),
                                figure.path("decode").asDouble()))
                        .toList();
    }

    /// Code in a model's folder runs only where Lowrank wrote it.
    private static Map<String, Object> input(Task task) {
        var checkpoint = task.model().checkpoint();
        var path = checkpoint.path().toAbsolutePath();
        var gguf = checkpoint instanceof GgufFile;
        var input = new HashMap<String, Object>(Map.of(
                "folder", String.valueOf(gguf ? path.getParent() : path),
                "trusted", !gguf && checkpoint.config().lowrank() != null,
                "prompt", task.prompt(),
                "decode", task.decodeTokens(),
                "rounds", task.rounds(),
                "threads", task.threads()));
        if (gguf) {
            input.put("gguf_file", Objects.requireNonNull(path.getFileName()).toString());
        }
        return input;
    }
}
