package dev.lowrank.app.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import tools.jackson.databind.json.JsonMapper;

/// A report as one HTML file: style, script and data lie in it, nothing is fetched.
public final class Page {
    private static final List<String> SCRIPTS =
            List.of("solve", "format", "plot", "sections", "sites", "trade", "budget", "page");
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private Page() {}

    /// The page of a report; the same report gives the same bytes.
    ///
    /// @return UTF-8
    public static byte[] of(Report report) {
        var scripts = SCRIPTS.stream().map(name -> resource(name + ".js")).collect(Collectors.joining("\n"));
        return resource("page.html")
                .replace("@title@", escaped(report.title()))
                .replace("@style@", resource("page.css"))
                .replace("@script@", scripts)
                .replace("@data@", data(report))
                .getBytes(StandardCharsets.UTF_8);
    }

    /// The report as JSON that may stand in a script element: `<` occurs in strings alone, so that no end
    /// tag and no comment can begin in it.
    static String data(Report report) {
        return JSON.writeValueAsString(report).replace("<", "\\u003c");
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("@", "&#64;"); // begins the names of the template
    }

    private static String resource(String name) {
        try (var in = Objects.requireNonNull(Page.class.getResourceAsStream("/report/" + name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
