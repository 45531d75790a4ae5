package dev.lowrank.app;

import dev.lowrank.compress.allocate.GivenRanks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Ranks of sites in a file: `{"model.layers.0.mlp.up_proj": 96, ...}`.
final class SiteRanksFile {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private SiteRanksFile() {}

    /// Reads a file.
    ///
    /// @throws IllegalArgumentException if it is not an object of whole numbers above 0
    static GivenRanks read(Path file) {
        try {
            if (!(JSON.readTree(Files.readAllBytes(file)) instanceof ObjectNode object)) {
                throw new IllegalArgumentException(file + " is not a JSON object of ranks by the names of sites");
            }
            var ranks = new TreeMap<String, Integer>();
            object.properties().forEach(each -> {
                if (!each.getValue().isInt()) {
                    throw new IllegalArgumentException(file + " gives " + each.getKey() + " the rank " + each.getValue()
                            + ", which is no whole number");
                }
                ranks.put(each.getKey(), each.getValue().asInt());
            });
            return new GivenRanks(ranks, file.toString());
        } catch (JacksonException broken) {
            throw new IllegalArgumentException(file + " is not JSON: " + broken.getOriginalMessage(), broken);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /// The text of a file.
    static String text(Map<String, Integer> ranks) {
        return Json.write(ranks) + "\n";
    }
}
