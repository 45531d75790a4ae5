package dev.lowrank.recover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.SyntheticLlama;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NoNativeLeaks
class StreamedBlocksTest {
    private static final int SHARES = 2;

    @TempDir
    private Path folder;

    @Test
    void everyWindowComesOutBitByBitAsOfAResidentModelWhateverGoesWithIt() throws Exception {
        // Wide enough that a product of one window is split over threads where it may be.
        SyntheticLlama.write(folder, new SyntheticLlama.Size(256, 2, 4, 2, 704, 96), 1);
        try (var model = LanguageModel.open(folder)) {
            var windows = TrainingFixture.windows(model, 3, 1).stream()
                    .map(StreamedBlocksTest::longer)
                    .toList();
            var expected = resident(model, windows);
            assertThat(streamed(model, windows)).isDeepEqualTo(expected);
            for (var i = 0; i < windows.size(); i++) {
                assertThat(streamed(model, List.of(windows.get(i)))[0]).isEqualTo(expected[i]);
            }
        }
    }

    private static int[] longer(int[] tokens) {
        var longer = new int[8 * tokens.length];
        for (var i = 0; i < longer.length; i++) {
            longer[i] = tokens[i % tokens.length];
        }
        return longer;
    }

    private static float[][] streamed(LanguageModel model, List<int[]> windows) {
        return TensorScope.tidy(() -> new StreamedBlocks(model)
                .hidden(windows, SHARES).stream()
                        .map(hidden -> hidden.toFloats())
                        .toArray(float[][]::new));
    }

    /// As a training asks a resident teacher: for one window on each thread.
    private static float[][] resident(LanguageModel model, List<int[]> windows) {
        var found = new float[windows.size()][];
        try (var decoder = TorchDecoder.load(model, Residency.RESIDENT)) {
            Compute.each(
                    windows.size(),
                    i -> TensorScope.tidyRun(() ->
                            found[i] = decoder.hidden(List.of(windows.get(i))).toFloats()));
        }
        return found;
    }
}
