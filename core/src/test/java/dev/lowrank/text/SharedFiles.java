package dev.lowrank.text;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/// Finds the files beside the repository that tests tagged `shared` need, and skips with a message where
/// there are none.
final class SharedFiles {
    private SharedFiles() {}

    static Path of(String name) {
        var root = Path.of(System.getProperty("lowrank.root", "."))
                .toAbsolutePath()
                .normalize();
        for (var shared : new Path[] {root.resolve("../shared"), root.resolve("../../shared")}) {
            var path = shared.resolve(name).normalize();
            if (Files.exists(path)) {
                return path;
            }
        }
        assumeTrue(false, "needs ../shared/" + name + " beside " + root);
        throw new IllegalStateException("unreachable");
    }
}
