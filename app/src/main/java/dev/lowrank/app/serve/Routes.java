package dev.lowrank.app.serve;

import dev.lowrank.generate.EngineReport;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntSupplier;

/// All addresses. A path is compared as it was sent: nothing is decoded, so nothing can be disguised.
final class Routes {
    private static final String MODEL = "/v1/models/";
    /// Failures of the model one after the other from which on it counts as broken.
    private static final int BROKEN_AFTER = 8;

    private final ModelShelf shelf;
    private final Map<String, Route> routes = new LinkedHashMap<>();

    Routes(ModelShelf shelf, int parallel, ServerOptions options, ServerFigures figures, IntSupplier connections) {
        this.shelf = shelf;
        var timeout = options.timeout();
        post("/v1/chat/completions", new ChatEndpoint(shelf, parallel, timeout));
        post("/v1/completions", new CompletionEndpoint(shelf, parallel, timeout));
        post("/v1/embeddings", new EmbeddingEndpoint(shelf));
        post("/tokenize", new TokenizeEndpoint(shelf));
        get("/v1/models", (exchange, _) -> exchange.json(200, Models.list(shelf)));
        get(
                "/metrics",
                (exchange, _) -> exchange.text(
                        200,
                        "text/plain; version=0.0.4; charset=utf-8",
                        figures.text(reports(), connections.getAsInt())));
    }

    /// What answers at an address.
    ///
    /// @param name for the figures
    record Route(String name, String method, Endpoint endpoint) {}

    private void post(String path, Endpoint endpoint) {
        routes.put(path, new Route(path, "POST", endpoint));
    }

    private void get(String path, Endpoint endpoint) {
        routes.put(path, new Route(path, "GET", endpoint));
    }

    /// @throws ApiException 404 for another path, 405 for another method
    Route find(Exchange exchange) {
        var path = exchange.path();
        var route = routes.get(path);
        if (route == null && path.startsWith(MODEL)) {
            // Names of the hub have a slash, which clients may write as %2F.
            var id = path.substring(MODEL.length()).replace("%2F", "/").replace("%2f", "/");
            route = new Route(MODEL + "{id}", "GET", (asked, _) -> asked.json(200, Models.one(shelf, id)));
        }
        if (route == null) {
            throw ApiException.noRoute();
        }
        if (!exchange.method().equals(route.method())) {
            throw ApiException.noMethod(route.method());
        }
        return route;
    }

    private Map<String, EngineReport> reports() {
        var reports = new LinkedHashMap<String, EngineReport>();
        for (var loaded : shelf.loaded()) {
            var engine = loaded.model().engineOrNull();
            if (engine != null) {
                reports.put(loaded.id(), engine.report());
            }
        }
        return reports;
    }

    /// Whether a model is beyond help: it broke, or fails on request after request.
    boolean isBroken() {
        return reports().values().stream()
                .anyMatch(report -> report.broken() || report.failuresInRow() >= BROKEN_AFTER);
    }

    /// `GET /health`: 503 while the first model is loaded.
    void health(Exchange exchange) {
        if (shelf.isLoadingFirst()) {
            exchange.answerHeader("Retry-After", "1");
            exchange.json(503, Body.object().put("status", "loading"));
            return;
        }
        var failures = reports().values().stream()
                .mapToInt(EngineReport::failuresInRow)
                .max()
                .orElse(0);
        exchange.json(
                isBroken() ? 503 : 200,
                failures == 0
                        ? Body.object().put("status", "ok")
                        : Body.object().put("status", "degraded").put("failures_in_row", failures));
    }
}
