package dev.lowrank.recover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.recover.Gradients.Losses;
import dev.lowrank.recover.RecoveryRecipe.Extent;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class PaceMeterTest {
    @Test
    void theLastStepsDecideTheRateAndTheLoss() {
        var meter = new PaceMeter(new Extent.Steps(100), Double.POSITIVE_INFINITY);
        for (var step = 0; step < 30; step++) {
            meter.add(64, step < 10 ? 4 : 0.5, new Losses(step < 10 ? 9 : 2, 0.25));
        }
        assertThat(meter.pace(30, 70)).isEqualTo(new Pace(30, 100, 128, 2, 0.25, 70, 35));
    }

    @Test
    void whatIsNoStepChangesNothingButTheTimeSpent() {
        var meter = new PaceMeter(new Extent.Steps(10), Double.POSITIVE_INFINITY);
        meter.add(64, 0.5, new Losses(3, 0));
        var before = meter.pace(1, 0.5);
        meter.add(64, 0.5, new Losses(3, 0));
        var after = meter.pace(2, 60); // a look at the validation text lay between
        assertThat(after.tokensPerSecond()).isEqualTo(before.tokensPerSecond());
        assertThat(after.secondsLeft()).isEqualTo(4);
        assertThat(after.seconds()).isEqualTo(60);
    }

    @Test
    void aTimeEndsWhenItEnds() {
        var meter = new PaceMeter(new Extent.Time(Duration.ofMinutes(1)), 60);
        meter.add(64, 0.5, Losses.NONE);
        assertThat(meter.pace(1, 45).steps()).isZero();
        assertThat(meter.pace(1, 45).secondsLeft()).isEqualTo(15);
        assertThat(meter.pace(1, 61).secondsLeft()).isZero();
    }
}
