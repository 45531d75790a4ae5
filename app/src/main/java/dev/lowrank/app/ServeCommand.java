package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.app.serve.ApiServer;
import dev.lowrank.app.serve.ModelLimits;
import dev.lowrank.app.serve.ModelShelf;
import dev.lowrank.app.serve.ServerOptions;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Serves models to applications.
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Serve models through an OpenAI-compatible HTTP interface: chat, completions, embeddings. Models"
                + " after the first are loaded when they are asked for. Keys come from --api-key-file or from the"
                + " environment variable LOWRANK_API_KEY; without one, only this machine can connect.")
final class ServeCommand implements Callable<Integer> {
    /// How long running requests have when the server is stopped.
    private static final Duration DRAIN = Duration.ofSeconds(30);

    private static final double MEMORY_SHARE = 0.75;

    private final Console console;
    private final ModelArgument models;
    private final Map<String, String> environment;

    @Parameters(
            arity = "0..*",
            paramLabel = "[NAME=]MODEL",
            description = "Folder, .gguf file or org/name, under its own name or another; the pocket model.")
    private List<String> names = new ArrayList<>();

    @Option(names = "--host", defaultValue = "127.0.0.1", description = "Address to listen on (${DEFAULT-VALUE}).")
    private String host = "127.0.0.1";

    @Option(names = "--port", defaultValue = "8080", description = "Port; 0 takes a free one (${DEFAULT-VALUE}).")
    private int port;

    @Option(names = "--api-key-file", paramLabel = "FILE", description = "File with a key on each line.")
    private @Nullable Path keyFile;

    @Option(
            names = "--parallel",
            defaultValue = "16",
            paramLabel = "N",
            description = "Texts continued at once, of each model (${DEFAULT-VALUE}).")
    private int parallel;

    @Option(
            names = "--queue",
            defaultValue = "64",
            paramLabel = "N",
            description = "Requests that may wait, for each model; more are refused with 429 (${DEFAULT-VALUE}).")
    private int queue;

    @Option(
            names = "--memory",
            paramLabel = "BYTES",
            description = "For all loaded models together, e.g. 8GB; the least recently used make room. 75 %% of the"
                    + " machine's.")
    private @Nullable String memory;

    @Option(
            names = "--context",
            paramLabel = "TOKENS",
            description = "Most tokens of a prompt and its answer, if the model has more.")
    private @Nullable Integer context;

    @Mixin
    private CacheTypeOption cacheType;

    @Option(
            names = "--timeout",
            defaultValue = "600",
            paramLabel = "SECONDS",
            description = "Longest time for one request (${DEFAULT-VALUE}).")
    private long timeout;

    @Option(
            names = "--cors",
            split = ",",
            paramLabel = "ORIGIN",
            description = "Web origins whose pages may use the server, e.g. https://example.org; none.")
    private List<String> origins = new ArrayList<>();

    @Option(
            names = "--allow-host",
            split = ",",
            paramLabel = "NAME",
            description = "Further names of this server, as the Host header says them.")
    private List<String> hosts = new ArrayList<>();

    ServeCommand(Console console, ModelArgument models, Map<String, String> environment) {
        this.console = console;
        this.models = models;
        this.environment = environment;
    }

    @Override
    public Integer call() throws InterruptedException {
        var paths = paths();
        var limits = limits();
        var shelf = new ModelShelf(paths, limits);
        shelf.demand().forEach((id, bytes) -> requireRoom(id, bytes, limits.memory()));
        var server = UsageErrors.check(() -> ApiServer.start(options(), shelf, parallel, console::note));
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().name("drain").unstarted(() -> {
            server.stop(DRAIN);
            ProcessEnd.now(ExitCode.OK);
        }));
        shelf.loadFirst();
        console.result(
                new Document(server.url(), shelf.ids()),
                () -> "Serving " + String.join(", ", shelf.ids()) + " at " + server.url() + "/v1\n");
        if (server.awaitEnd()) {
            throw new CommandException(
                    ExitCode.RESOURCES,
                    "A model fails on request after request.",
                    "See the log for the failures; start the server again with more memory or another model.");
        }
        return ExitCode.OK.number();
    }

    private static void requireRoom(String id, long bytes, long memory) {
        if (bytes > memory) {
            throw new CommandException(
                    ExitCode.RESOURCES,
                    id + " needs up to " + Figures.bytes(bytes) + ", --memory is " + Figures.bytes(memory) + ".",
                    "Give more --memory, or a smaller --context or --parallel.");
        }
    }

    private Map<String, Path> paths() {
        var paths = new LinkedHashMap<String, Path>();
        if (names.isEmpty()) {
            var path = models.resolve(null);
            paths.put(String.valueOf(path.getFileName()), path);
        }
        for (var name : names) {
            var equals = name.indexOf('=');
            var path = models.resolve(equals < 0 ? name : name.substring(equals + 1));
            var id = equals < 0 ? id(name) : name.substring(0, equals);
            if (paths.put(id, path) != null) {
                throw new CommandException(
                        ExitCode.USAGE, "Two models have the name " + id + ".", "Name one of them: NAME=MODEL.");
            }
        }
        return paths;
    }

    /// The name of a model that was given none: as in the hub, or the last part of its path.
    private String id(String argument) {
        var path = Path.of(argument);
        if (!Files.exists(path)) {
            return argument;
        }
        var last = String.valueOf(path.toAbsolutePath().normalize().getFileName());
        return last.endsWith(".gguf") ? last.substring(0, last.length() - ".gguf".length()) : last;
    }

    private ModelLimits limits() {
        if (parallel < 1 || queue < 0 || timeout < 1 || port < 0 || port > 65_535 || (context != null && context < 2)) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--parallel, --timeout and --context must be at least 1, 1 and 2, --queue not below 0, --port a"
                            + " port.",
                    "See --help for the values.");
        }
        var text = memory;
        var bytes = text == null
                ? (long) (MEMORY_SHARE * machineBytes())
                : UsageErrors.check(() -> ByteSize.parse("--memory", text));
        return new ModelLimits(
                parallel,
                queue,
                context == null ? Integer.MAX_VALUE : context,
                bytes,
                Runtime.getRuntime().availableProcessors(),
                cacheType.type(),
                UnaryOperator.identity());
    }

    private static long machineBytes() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean machine
                ? machine.getTotalMemorySize()
                : Runtime.getRuntime().maxMemory();
    }

    private ServerOptions options() {
        return new ServerOptions(
                host,
                port,
                ApiKeys.read(keyFile, environment),
                hosts,
                origins,
                Duration.ofSeconds(timeout),
                ServerOptions.Limits.ofThisProcess());
    }

    /// What `serve --json` prints when it is ready.
    ///
    /// @param url where it listens
    /// @param models their names
    record Document(
            @JsonProperty("url") String url,
            @JsonProperty("models") List<String> models) {}
}
