package dev.lowrank.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerTeamTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void everyChunkOfEveryTaskRunsOnce(int threads) {
        try (var team = WorkerTeam.of(threads)) {
            for (var round = 0; round < 2_000; round++) {
                var chunks = round % 40;
                var counts = new int[chunks];
                team.run((chunk, _) -> counts[chunk]++, chunks);
                assertThat(counts).isEqualTo(ones(chunks));
            }
        }
    }

    private static int[] ones(int length) {
        var ones = new int[length];
        Arrays.fill(ones, 1);
        return ones;
    }

    @Test
    void parkedWorkersWakeForTheNextTask() {
        try (var team = WorkerTeam.of(3)) {
            for (var round = 0; round < 20; round++) {
                LockSupport.parkNanos(3_000_000);
                var counts = new AtomicIntegerArray(30);
                team.run((chunk, _) -> counts.incrementAndGet(chunk), 30);
                for (var i = 0; i < 30; i++) {
                    assertThat(counts.get(i)).isOne();
                }
            }
        }
    }

    @Test
    void noTwoChunksRunAtATimeUnderOneNumber() {
        try (var team = WorkerTeam.of(4)) {
            var busy = new AtomicIntegerArray(4);
            team.run(
                    (_, worker) -> {
                        assertThat(busy.incrementAndGet(worker)).isOne();
                        Thread.yield();
                        busy.decrementAndGet(worker);
                    },
                    2_000);
        }
    }

    @Test
    void aFailingChunkFailsTheTaskAndTheTeamGoesOn() {
        try (var team = WorkerTeam.of(3)) {
            assertThatThrownBy(() -> team.run(
                            (chunk, _) -> {
                                if (chunk == 7) {
                                    throw new IllegalStateException("chunk seven");
                                }
                            },
                            20))
                    .hasMessage("chunk seven");
            var counts = new int[10];
            team.run((chunk, _) -> counts[chunk]++, 10);
            assertThat(counts).containsOnly(1);
        }
    }

    @Test
    void aClosedTeamRefusesWork() {
        var team = WorkerTeam.of(2);
        team.close();
        assertThatThrownBy(() -> team.run((_, _) -> {}, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> WorkerTeam.of(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
