package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.tensor.HostTensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RowDecoderParityTest {
    /// Logits of a tiny model in F32 against `transformers` in F32.
    private static final double TRANSFORMERS_F32 = 1e-4;

    static Stream<Path> fixtures() throws IOException, URISyntaxException {
        var root = Objects.requireNonNull(RowDecoderParityTest.class.getResource("/golden/models"));
        try (var folders = Files.list(Path.of(root.toURI()))) {
            return folders.filter(Files::isDirectory).sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("fixtures")
    void logitsEqualTransformersWithinTheContext(Path folder) {
        try (var expected = SafetensorsFile.open(folder.resolve("expected.safetensors"));
                var model = LanguageModel.open(folder);
                var decoder = RowDecoder.of(model, 2)) {
            var ids = expected.tensor("input_ids");
            var logits = expected.tensor("logits");
            var length = (int) ids.shape().size(1);
            if (length > model.spec().maxPositions()) {
                // Dynamic scaling beyond the context re-rotates what is cached: refused, not approximated.
                assertThatThrownBy(() -> KvCache.of(model.spec(), length)).hasMessageContaining("context");
                return;
            }
            for (var row = 0; row < ids.shape().size(0); row++) {
                try (var cache = KvCache.of(model.spec(), length)) {
                    for (var i = 0; i < length; i++) {
                        var at = (long) row * length + i;
                        var actual = decoder.step((int) ids.get(at), cache);
                        assertClose(actual, logits, at * model.spec().vocabSize());
                    }
                }
            }
        }
    }

    private static void assertClose(float[] actual, HostTensor expected, long from) {
        for (var i = 0; i < actual.length; i++) {
            assertThat((double) actual[i]).isCloseTo(expected.get(from + i), within(TRANSFORMERS_F32));
        }
    }
}
