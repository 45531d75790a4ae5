package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private final StringBuilder shown = new StringBuilder();
    private final AtomicLong clock = new AtomicLong();

    @Test
    void elsewhereALineComesEveryFiveSecondsWithRateAndRemainingTime() {
        try (var line = line(false)) {
            line.step("calibrate", 0, 100);
            for (var done = 1; done <= 20; done++) {
                clock.addAndGet(500_000_000L);
                line.step("calibrate", done, 100);
            }
        }
        assertThat(shown.toString()).isEqualTo("""
                calibrate: 10 of 100, 10 %, 2.0/s, 45 s left
                calibrate: 20 of 100, 20 %, 2.0/s, 40 s left
                calibrate: 20 in 10 s
                """);
    }

    @Test
    void onATerminalOneLineIsRedrawnAtMostTenTimesASecond() {
        try (var line = line(true)) {
            for (var done = 0; done <= 100; done++) {
                line.step("write", done, 100);
                clock.addAndGet(10_000_000L);
            }
        }
        assertThat(shown.toString().split("\r")).hasSizeBetween(10, 14);
        assertThat(shown.toString()).endsWith("write: 100 in 1.0 s\n").containsOnlyOnce("\n");
    }

    @Test
    void anotherNameBeginsAnotherStage() {
        try (var line = line(false)) {
            line.step("a", 3, 3);
            line.step("b", 1, 1);
        }
        assertThat(shown.toString()).isEqualTo("a: 3 in 0.0 s\nb: 1 in 0.0 s\n");
    }

    @Test
    void aSlowUnitTellsItsDurationInsteadOfARate() {
        try (var line = line(false)) {
            line.step("decompose", 0, 4);
            clock.addAndGet(10_000_000_000L);
            line.step("decompose", 2, 4);
        }
        assertThat(shown.toString()).contains("5.0 s each, 10 s left");
    }

    @Test
    void whatWasDoneBeforeTheFirstCallIsNoPartOfTheRate() {
        try (var line = line(false)) {
            line.step("refine blocks", 20, 30);
            clock.addAndGet(10_000_000_000L);
            line.step("refine blocks", 25, 30);
        }
        assertThat(shown.toString()).contains("25 of 30, 83 %, 2.0 s each, 10 s left");
    }

    @Test
    void aNoteLeavesTheStageRunning() {
        try (var line = line(false)) {
            line.show("train", 1, () -> "step 1");
            clock.addAndGet(6_000_000_000L);
            line.show("train", 2, () -> "step 2");
            line.note("seen");
            clock.addAndGet(6_000_000_000L);
            line.show("train", 3, () -> "step 3");
        }
        assertThat(shown.toString()).isEqualTo("""
                train: step 2
                seen
                train: step 3
                train: 3 in 12 s
                """);
    }

    private ProgressLine line(boolean terminal) {
        return new ProgressLine(shown::append, clock::get, terminal);
    }
}
