package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.recover.RecoveryRecipe;
import dev.lowrank.recover.RecoveryRecipe.Extent;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class TrainingOptionsTest {
    @Test
    void aBareCommandLineIsTheLibrarysDefault() {
        assertThat(parsed("--steps=7").recipe(576)).isEqualTo(RecoveryRecipe.of(new Extent.Steps(7), 576, 0));
    }

    @Test
    void theRateFollowsTheWidthUnlessItIsGiven() {
        assertThat(parsed().recipe(500).optimisation().rate()).isEqualTo(2e-4);
        assertThat(parsed().recipe(250).optimisation().rate()).isEqualTo(4e-4);
        assertThat(parsed("--rate=0.003").recipe(500).optimisation().rate()).isEqualTo(0.003);
    }

    private static TrainingOptions parsed(String... arguments) {
        var options = new TrainingOptions();
        new CommandLine(options).parseArgs(arguments);
        return options;
    }
}
