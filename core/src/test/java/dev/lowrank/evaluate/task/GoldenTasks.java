package dev.lowrank.evaluate.task;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// What lm-evaluation-harness asked and found on the pocket model; made by `make_task_fixtures.py`.
final class GoldenTasks {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private GoldenTasks() {}

    static Path pocket() {
        return Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");
    }

    static Path folder() {
        return Path.of("src/test/resources/golden/tasks");
    }

    static Path data() {
        return folder().resolve("data");
    }

    static JsonNode read(String name) {
        try {
            return JSON.readTree(Files.readString(folder().resolve(name)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Names with the number of examples, as `mmlu/5`.
    static List<String> runs() {
        var names = new ArrayList<String>();
        read("expected.json").propertyNames().forEach(names::add);
        return names;
    }

    /// The figure of a metric, by the harness's name such as `acc`.
    static double figure(JsonNode run, String metric) {
        var figures = run.get("figures");
        var own = figures.get(metric.contains(",") ? metric : metric + ",none");
        return own.doubleValue();
    }
}
