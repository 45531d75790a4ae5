package dev.lowrank.testing;

import dev.lowrank.checkpoint.SafetensorsFile;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// A tiny encoder folder with what `transformers` computed for two texts.
///
/// @param folder `golden/encoders/NAME` of the test resources
public record GoldenEncoder(Path folder) {
    /// With a masked-token head.
    public static final GoldenEncoder MASKED = of("bert-masked");

    /// With a classifier of three labels; its layer norms have the names of old files.
    public static final GoldenEncoder CLASSIFIER = of("bert-classifier");

    /// Without heads and prefix, in the layout of sentence-transformers.
    public static final GoldenEncoder SENTENCE = of("bert-sentence");

    /// All fixtures.
    public static Stream<GoldenEncoder> all() {
        return Stream.of(MASKED, CLASSIFIER, SENTENCE);
    }

    private static GoldenEncoder of(String name) {
        try {
            return new GoldenEncoder(
                    Path.of(Objects.requireNonNull(GoldenEncoder.class.getResource("/golden/encoders/" + name))
                            .toURI()));
        } catch (URISyntaxException failure) {
            throw new IllegalStateException(failure);
        }
    }

    /// Token ids, `[batch][seq]`.
    public List<int[]> texts() {
        return rows("input_ids");
    }

    /// The segment of each token, `[batch][seq]`.
    public List<int[]> segments() {
        return rows("token_type_ids");
    }

    private List<int[]> rows(String name) {
        try (var expected = SafetensorsFile.open(folder.resolve("expected.safetensors"))) {
            var ids = expected.tensor(name);
            var seq = (int) ids.shape().size(1);
            var rows = new ArrayList<int[]>();
            for (var row = 0; row < ids.shape().size(0); row++) {
                var own = new int[seq];
                for (var i = 0; i < seq; i++) {
                    own[i] = (int) ids.get((long) row * seq + i);
                }
                rows.add(own);
            }
            return rows;
        }
    }

    /// What `transformers` computed, row-major.
    ///
    /// @param name `hidden`, `hidden_block_0`, `pooled`, `logits` or `labels`
    public double[] expected(String name) {
        try (var expected = SafetensorsFile.open(folder.resolve("expected.safetensors"))) {
            var tensor = expected.tensor(name);
            var values = new double[Math.toIntExact(tensor.shape().elements())];
            for (var i = 0; i < values.length; i++) {
                values[i] = tensor.get(i);
            }
            return values;
        }
    }

    /// Its name, as tests show it.
    @Override
    public String toString() {
        return String.valueOf(folder.getFileName());
    }
}
