package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.testing.NoNativeLeaks;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Decoding from the blocks of a GGUF file against LibTorch on the decoded weights.
@Tag("shared")
@NoNativeLeaks
class GgufEnginesTest {
    /// Relative to the largest logit: F32 sums in two orders, through 30 blocks.
    private static final double ENGINES = 1e-4;

    private static Path smolLm2() {
        var root = Path.of(System.getProperty("lowrank.root", "."));
        for (var up : new String[] {"../shared", "../../shared"}) {
            var path = root.resolve(up)
                    .resolve("models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf")
                    .normalize();
            if (Files.exists(path)) {
                return path;
            }
        }
        Assumptions.abort("Not found beside " + root + ": ../shared/models/smollm2-135m");
        throw new AssertionError();
    }

    @Test
    void logitsFromBlocksEqualThoseFromDecodedWeights() {
        var tokens = new int[] {504, 3575, 282, 4649, 314, 260, 1, 49_151};
        try (var model = LanguageModel.open(smolLm2());
                var rows = RowDecoder.of(model, 2);
                var cache = KvCache.of(model.spec(), tokens.length);
                var other = KvCache.of(model.spec(), tokens.length);
                var torch = TorchDecoder.load(model, Residency.RESIDENT)) {
            var expected = torch.prefill(tokens, other);
            var actual = rows.prefill(tokens, cache);
            var largest = 0.0;
            var difference = 0.0;
            for (var i = 0; i < expected.length; i++) {
                largest = Math.max(largest, Math.abs(expected[i]));
                difference = Math.max(difference, Math.abs(expected[i] - actual[i]));
            }
            assertThat(difference).isLessThan(ENGINES * largest);
        }
    }
}
