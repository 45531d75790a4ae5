package dev.lowrank.evaluate.sandbox;

import java.time.Duration;
import org.junit.jupiter.api.Assumptions;

/// Sandboxes for tests: a machine that cannot have one skips them and says why; one that has one that does
/// not hold fails them.
final class Sandboxes {
    private Sandboxes() {}

    static Sandbox open(SandboxLimits limits) {
        try {
            return Sandbox.open(limits);
        } catch (SandboxUnavailableException unavailable) {
            var message = String.valueOf(unavailable.getMessage());
            Assumptions.assumeTrue(message.contains("does not hold"), message);
            throw unavailable;
        }
    }

    /// Limits of one second, for what ends long before or is meant to be stopped.
    static SandboxLimits quick() {
        return SandboxLimits.standard().withTime(Duration.ofSeconds(1));
    }
}
