package dev.lowrank.app.serve;

import dev.lowrank.generate.BatchModel;
import dev.lowrank.tensor.DType;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A started server with the pocket model, once as it is and once with a chat template.
final class TestServer implements AutoCloseable {
    static final JsonMapper JSON = new JsonMapper();
    static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models").resolve("pocket");
    static final String TEMPLATE = "{% for m in messages %}# {{ m.role }}: {{ m.content }}\n{% endfor %}"
            + "{% if add_generation_prompt %}def answer():\n{% endif %}";

    final List<String> log = new CopyOnWriteArrayList<>();
    final ApiServer server;
    final HttpClient client =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    /// How it differs from the usual.
    static final class Setup {
        final Map<String, Path> models = new LinkedHashMap<>(Map.of("pocket", POCKET));
        List<String> keys = List.of();
        List<String> origins = List.of();
        List<String> hosts = List.of();
        int parallel = 4;
        int queue = 8;
        int context = 1024;
        long memory = 8_000_000_000L;
        Duration timeout = Duration.ofSeconds(60);
        ServerOptions.Limits limits =
                new ServerOptions.Limits(1 << 20, 2000, Duration.ofSeconds(2), Duration.ofSeconds(30));
        UnaryOperator<BatchModel> wrap = UnaryOperator.identity();
    }

    private TestServer(Setup setup) {
        var shelf = new ModelShelf(
                setup.models,
                new ModelLimits(setup.parallel, setup.queue, setup.context, setup.memory, 1, DType.F32, setup.wrap));
        var options =
                new ServerOptions("127.0.0.1", 0, setup.keys, setup.hosts, setup.origins, setup.timeout, setup.limits);
        server = ApiServer.start(options, shelf, setup.parallel, log::add);
        shelf.loadFirst();
    }

    static TestServer start(Setup setup) {
        return new TestServer(setup);
    }

    /// A server whose first model can talk.
    static TestServer talking(Path folder) throws IOException {
        var setup = new Setup();
        setup.models.put("chat", chatModel(folder));
        return start(setup);
    }

    /// The pocket model with a chat template.
    static Path chatModel(Path folder) throws IOException {
        var copy = Files.createDirectories(folder.resolve("chat"));
        try (var files = Files.list(POCKET)) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        Files.writeString(copy.resolve("chat_template.jinja"), TEMPLATE);
        return copy;
    }

    String url(String path) {
        return server.url() + path;
    }

    HttpResponse<String> post(String path, String body, String... headers) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url(path)))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofSeconds(60))
                .POST(HttpRequest.BodyPublishers.ofString(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> get(String path, String... headers) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url(path))).timeout(Duration.ofSeconds(60));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    static JsonNode json(HttpResponse<String> response) {
        return JSON.readTree(response.body());
    }

    /// The line of the next request to end, which is written after its answer.
    ///
    /// @param before lines that were there
    String awaitLog(int before) throws InterruptedException {
        for (var i = 0; i < 600 && log.size() <= before; i++) {
            Thread.sleep(50);
        }
        return log.get(before);
    }

    /// What the metrics say.
    double metric(String name) throws Exception {
        return get("/metrics")
                .body()
                .lines()
                .filter(line -> line.startsWith(name + "{model=\"pocket\"") || line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    RawClient raw() throws IOException {
        return new RawClient(server.port());
    }

    @Override
    public void close() {
        client.close();
        server.close();
    }
}
