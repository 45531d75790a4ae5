package dev.lowrank.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.tensor.LargeMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReadingTest {
    private static final long LARGE = 70L << 20;
    private static final long BYTE = 0x0101010101010101L;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void allThatWasAllocatedIsReadOnce(int threads) {
        try (var arena = Arena.ofShared();
                var team = WorkerTeam.of(threads)) {
            var memory = new LargeMemory(arena);
            var longs = 0L;
            // The last two fill pieces of their own.
            for (var bytes : new long[] {64, 100, 3 << 20, LARGE, LARGE + 1}) {
                memory.allocate(bytes, 128);
                longs += Math.ceilDiv(bytes, 64L) * 64 / Long.BYTES;
            }
            var stretches = new ArrayList<>(memory.allocated());
            stretches.forEach(stretch -> stretch.fill((byte) 1));
            assertThat(stretches.stream()
                            .mapToLong(stretch -> stretch.byteSize())
                            .sum())
                    .isEqualTo(longs * Long.BYTES);
            var reading = new Reading(stretches, team);
            assertThat(reading.pass()).isEqualTo(longs * BYTE);
            assertThat(reading.bytesPerSecond()).isPositive().isFinite();
        }
    }
}
