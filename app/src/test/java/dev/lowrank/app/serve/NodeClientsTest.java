package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The npm clients against a started server. `LOWRANK_NODE` names a folder in which they were installed:
/// `npm install openai @langchain/openai @langchain/core @ai-sdk/openai-compatible ai`.
@Tag("node")
class NodeClientsTest {
    @TempDir
    Path folder;

    @Test
    void theirClientsAreServed() throws Exception {
        var installed = System.getenv("LOWRANK_NODE");
        Assumptions.assumeTrue(
                installed != null && Files.isDirectory(Path.of(installed, "node_modules", "openai")),
                "No npm clients; install them and name their folder with the environment variable LOWRANK_NODE");
        Files.createSymbolicLink(folder.resolve("node_modules"), Path.of(installed, "node_modules"));
        var script = Path.of(System.getProperty("lowrank.root", "..")).resolve("app/src/test/node/clients.mjs");
        Files.copy(script, folder.resolve("clients.mjs"));
        var setup = new TestServer.Setup();
        setup.keys = List.of("a-key-for-node");
        setup.models.put("chat", TestServer.chatModel(folder));
        try (var server = TestServer.start(setup)) {
            var errors = folder.resolve("errors.txt");
            var process = new ProcessBuilder("node", "clients.mjs", server.url("/v1"), "a-key-for-node", "chat")
                    .directory(folder.toFile())
                    .redirectOutput(folder.resolve("output.txt").toFile())
                    .redirectError(errors.toFile())
                    .start();
            try {
                assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
                assertThat(process.exitValue()).as(Files.readString(errors)).isZero();
            } finally {
                process.destroyForcibly().waitFor();
            }
            assertThat(Files.readString(folder.resolve("output.txt"))).contains("\"text\"");
        }
    }
}
