package dev.lowrank.checkpoint;

import java.nio.file.Path;
import java.util.List;

/// A process that begins an output and waits to be killed.
final class LockHolder {
    private LockHolder() {}

    public static void main(String[] args) throws InterruptedException {
        try (var output = OutputFolder.begin(Path.of(args[0]), List.of())) {
            System.out.println(output.resumed() ? "resumed" : "held");
            Thread.sleep(60_000);
        }
    }
}
