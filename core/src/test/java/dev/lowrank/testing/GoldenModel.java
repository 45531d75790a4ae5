package dev.lowrank.testing;

import dev.lowrank.checkpoint.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// A tiny model folder with the logits that `transformers` computed for two windows of tokens.
///
/// @param folder `golden/models/NAME` of the test resources
public record GoldenModel(Path folder) {
    /// One or two fixtures of each architecture, together with every kind of bias, tying and query layout.
    public static Stream<GoldenModel> ofEachArchitecture() {
        return Stream.of(
                        "llama-gqa-tied",
                        "llama-rope-llama3-biased",
                        "qwen2-tied",
                        "gpt2",
                        "gpt_bigcode-multi-head",
                        "gpt_bigcode-multi-query")
                .map(GoldenModel::of);
    }

    /// All fixtures, by name.
    public static Stream<GoldenModel> all() {
        try (var folders = Files.list(root())) {
            return folders.filter(Files::isDirectory).sorted().map(GoldenModel::new).toList().stream();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /// The fixture of this name.
    public static GoldenModel of(String name) {
        return new GoldenModel(root().resolve(name));
    }

    private static Path root() {
        try {
            return Path.of(Objects.requireNonNull(GoldenModel.class.getResource("/golden/models"))
                    .toURI());
        } catch (URISyntaxException failure) {
            throw new IllegalStateException(failure);
        }
    }

    /// Token ids, `[batch][seq]`.
    public List<int[]> windows() {
        try (var expected = SafetensorsFile.open(folder.resolve("expected.safetensors"))) {
            var ids = expected.tensor("input_ids");
            var seq = (int) ids.shape().size(1);
            var windows = new ArrayList<int[]>();
            for (var row = 0; row < ids.shape().size(0); row++) {
                var window = new int[seq];
                for (var i = 0; i < seq; i++) {
                    window[i] = (int) ids.get((long) row * seq + i);
                }
                windows.add(window);
            }
            return windows;
        }
    }

    /// What `transformers` computed, `[batch, seq, vocab]`, row-major.
    public double[] logits() {
        try (var expected = SafetensorsFile.open(folder.resolve("expected.safetensors"))) {
            var logits = expected.tensor("logits");
            var values = new double[Math.toIntExact(logits.shape().elements())];
            for (var i = 0; i < values.length; i++) {
                values[i] = logits.get(i);
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
