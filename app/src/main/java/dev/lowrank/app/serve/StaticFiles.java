package dev.lowrank.app.serve;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;

/// The files of the page at `/`: resources beside this class, in `web`, each known by name. They hold
/// nothing of anybody, so that they need no key; the page asks for one.
final class StaticFiles {
    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "svg", "image/svg+xml",
            "woff2", "font/woff2");

    /// One file.
    record Found(String type, byte[] bytes) {}

    private StaticFiles() {}

    /// @param path as it was sent; `/` is `/index.html`
    static Optional<Found> find(String path) {
        var name = path.equals("/") ? "index.html" : path.substring(1);
        var dot = name.lastIndexOf('.');
        if (!name.matches("[a-z0-9-]{1,40}\\.[a-z0-9]{2,5}") || !TYPES.containsKey(name.substring(dot + 1))) {
            return Optional.empty();
        }
        try (var file = StaticFiles.class.getResourceAsStream("web/" + name)) {
            return file == null
                    ? Optional.empty()
                    : Optional.of(new Found(TYPES.getOrDefault(name.substring(dot + 1), ""), file.readAllBytes()));
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }
}
