package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubCacheTest {
    private static final Path HOME = Path.of("/home/someone");
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @Test
    void theFolderFollowsTheHubsVariables() {
        assertThat(folder(Map.of())).isEqualTo(HOME.resolve(".cache/huggingface/hub"));
        assertThat(folder(Map.of("XDG_CACHE_HOME", "/x"))).isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(folder(Map.of("HF_HOME", "~/hf", "XDG_CACHE_HOME", "/x"))).isEqualTo(HOME.resolve("hf/hub"));
        assertThat(folder(Map.of("HUGGINGFACE_HUB_CACHE", "/old", "HF_HOME", "/hf")))
                .isEqualTo(Path.of("/old"));
        assertThat(folder(Map.of("HF_HUB_CACHE", "/new", "HUGGINGFACE_HUB_CACHE", "/old")))
                .isEqualTo(Path.of("/new"));
        assertThat(folder(Map.of("HF_HUB_CACHE", ""))).isEqualTo(HOME.resolve(".cache/huggingface/hub"));
    }

    @Test
    void aNameIsTheSnapshotThatMainPointsTo(@TempDir Path cache) throws IOException {
        var snapshot = Files.createDirectories(cache.resolve("models--org--name/snapshots/" + COMMIT));
        Files.createDirectories(cache.resolve("models--org--name/refs"));
        Files.writeString(cache.resolve("models--org--name/refs/main"), COMMIT);
        assertThat(HubCache.of(Map.of("HF_HUB_CACHE", cache.toString()), HOME).snapshot("org/name"))
                .isEqualTo(snapshot);
    }

    @Test
    void aReferenceThatLeavesTheCacheIsNotFollowed(@TempDir Path cache) throws IOException {
        Files.createDirectories(cache.resolve("models--org--name/refs"));
        Files.createDirectories(cache.resolve("models--org--name/snapshots"));
        Files.writeString(cache.resolve("models--org--name/refs/main"), "../../..");
        assertThatThrownBy(() -> HubCache.of(Map.of("HF_HUB_CACHE", cache.toString()), HOME)
                        .snapshot("org/name"))
                .isInstanceOf(CommandException.class)
                .hasMessageContaining("no complete snapshot");
    }

    private static Path folder(Map<String, String> environment) {
        return HubCache.of(environment, HOME).folder();
    }
}
