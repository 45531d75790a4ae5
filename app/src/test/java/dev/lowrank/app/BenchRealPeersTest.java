package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.testing.PythonPeer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// The peers themselves; needs a Python with xllamacpp, torch and transformers, see [PythonPeer].
@Tag("python")
class BenchRealPeersTest {
    @TempDir
    private Path folder;

    private JsonNode peers(String peer, String... models) throws InterruptedException {
        var python = PythonPeer.with(folder, peer.equals("transformers") ? "transformers" : "xllamacpp");
        var arguments = new ArrayList<>(
                List.of("bench", "--prompt-tokens=20", "--decode-tokens=4", "--rounds=1", "--batch=1", "--json"));
        arguments.add("--peer=" + peer);
        arguments.addAll(List.of(models));
        var run = Run.with(Run.ROOT, Map.of("LOWRANK_PYTHON", python.program()), arguments.toArray(String[]::new));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(Documents.of(run).path("notes"))
                .as("all count the same tokens")
                .isEmpty();
        return Documents.of(run).path("models").path(0).path("peers");
    }

    private static void assertMeasured(JsonNode peer) {
        assertThat(peer.path("prompt_tokens").asInt()).isEqualTo(20);
        assertThat(peer.path("bytes").asLong()).isGreaterThan(10_000_000);
        for (var key :
                List.of("prefill_tokens_per_second", "decode_tokens_per_second", "prefill_ratio", "decode_ratio")) {
            assertThat(peer.path(key).asDouble()).as(key).isPositive();
        }
    }

    @Test
    void llamaCppRunsThePocketModel() throws InterruptedException {
        var peers = peers("llama.cpp");
        assertThat(peers).hasSize(1).allSatisfy(BenchRealPeersTest::assertMeasured);
    }

    @Test
    void transformersRunsThePocketModelInBothTypes() throws InterruptedException {
        assertThat(peers("transformers")).hasSize(2).allSatisfy(BenchRealPeersTest::assertMeasured);
    }

    @Test
    void transformersRunsACompressedFolderByTheCodeThatLowrankPutThere() throws InterruptedException {
        var cut = folder.resolve("cut").toString();
        assertThat(Run.of("compress", "--method", "svd", "--keep", "0.8", "-o", cut)
                        .code())
                .isZero();
        var peers = peers("transformers", cut);
        assertThat(peers).hasSize(2);
        assertThat(peers.path(0).path("bytes").asLong()).as("factors in F32").isBetween(10_000_000L, 21_000_000L);
    }
}
