package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.file.Path;
import java.util.List;

/// Weight files that run code when loaded, or that nobody here reads; they are never opened.
final class Pickles {
    private static final List<String> ENDINGS = List.of(".bin", ".pt", ".pth", ".ckpt", ".h5", ".pkl", ".msgpack");

    private Pickles() {}

    static boolean isPickle(String lowerCaseName) {
        for (var ending : ENDINGS) {
            if (lowerCaseName.endsWith(ending)) {
                return true;
            }
        }
        return false;
    }

    static CheckpointException refusal(Path path) {
        return new CheckpointException(
                Code.CFG_PICKLE_REFUSED,
                path,
                "Only pickle-type weights are here, which can run code when loaded; convert them to safetensors"
                        + " (in Python: model.save_pretrained(folder, safe_serialization=True))");
    }
}
