package dev.lowrank.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationCacheTest {
    private static final Configuration SOME = Configuration.of(Map.of("a", 3));

    @TempDir
    private Path folder;

    private Path file() {
        return folder.resolve("results.jsonl");
    }

    private void put(String... keys) {
        try (var cache = EvaluationCache.open(file())) {
            for (var key : keys) {
                cache.put(key, "trial", SOME, Map.of("perplexity", 0.1 + keys.length));
            }
        }
    }

    @Test
    void whatWasStoredIsFoundAgainToTheLastBit() {
        put("one", "two", "three");
        try (var cache = EvaluationCache.open(file())) {
            assertThat(cache.size()).isEqualTo(3);
            assertThat(cache.torn()).isFalse();
            assertThat(cache.get("two")).containsEntry("perplexity", 3.1);
            assertThat(cache.get("four")).isNull();
        }
    }

    @Test
    void aTornLastLineIsDroppedAndToldWhereverItWasTorn() throws Exception {
        put("one", "two");
        var whole = Files.readAllBytes(file());
        var first = new String(whole, java.nio.charset.StandardCharsets.UTF_8).indexOf('\n') + 1;
        for (var length = first + 1; length < whole.length; length++) {
            Files.write(file(), java.util.Arrays.copyOf(whole, length));
            try (var cache = EvaluationCache.open(file())) {
                assertThat(cache.torn()).isTrue();
                assertThat(cache.get("one")).isNotNull();
                assertThat(cache.get("two")).isNull();
                cache.put("two", "trial", SOME, Map.of("perplexity", 2.1));
            }
            assertThat(Files.readAllBytes(file())).hasSize(whole.length);
        }
    }

    @Test
    void aBrokenLineBeforeTheLastIsRefusedWithItsPlace() throws Exception {
        put("one");
        Files.writeString(file(), "{\"key\":\n", StandardOpenOption.APPEND);
        put();
        Files.writeString(file(), "nonsense\n{}\n", StandardOpenOption.APPEND);
        assertThatThrownBy(() -> EvaluationCache.open(file()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("results.jsonl");
    }
}
