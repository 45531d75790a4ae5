package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Peers that are none: a server that answers as llama.cpp's does, and programs in the place of Python.
class BenchPeersTest {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int ROUNDS = 2;
    private static final String TIMINGS = """
            {"choices": [{"text": "x"}], "timings": {"prompt_n": 12, "prompt_per_second": %d,
             "predicted_n": 3, "predicted_per_second": %d}}""";

    @TempDir
    private Path folder;

    private HttpServer server;
    private final List<JsonNode> requests = new ArrayList<>();
    private int status = 200;
    private List<String> answers = List.of(TIMINGS.formatted(100, 50));

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/v1/completions", exchange -> {
            requests.add(JSON.readTree(exchange.getRequestBody().readAllBytes()));
            var answer = answers.get((requests.size() - 1) % answers.size()).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, answer.length);
            try (var body = exchange.getResponseBody()) {
                body.write(answer);
            }
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private String address() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private static Run bench(String... more) {
        var arguments = new ArrayList<>(List.of(
                "bench", "--prompt-tokens=12", "--decode-tokens=3", "--rounds=" + ROUNDS, "--batch=1", "--threads=1"));
        arguments.addAll(List.of(more));
        return Run.of(arguments.toArray(String[]::new));
    }

    private static JsonNode model(Run run) {
        assertThat(run.code()).as(run.err()).isZero();
        return Documents.of(run).path("models").path(0);
    }

    private static void assertRatios(JsonNode model, JsonNode peer) {
        for (var key : List.of("prefill", "decode")) {
            var name = key + "_tokens_per_second";
            assertThat(peer.path(key + "_ratio").asDouble())
                    .isCloseTo(model.path(name).asDouble() / peer.path(name).asDouble(), within(1e-9));
        }
    }

    @Test
    void aServerIsAskedForTheSameTokensInTurnsAndItsBestTimingsCount() {
        answers = List.of(
                TIMINGS.formatted(100, 50),
                TIMINGS.formatted(200, 40),
                TIMINGS.formatted(150, 60),
                TIMINGS.formatted(90, 30));
        var run = bench("--peer=llama.cpp=" + address() + "/v1/", "--json");
        var model = model(run);
        var peer = model.path("peers").path(0);
        assertThat(peer.path("peer").asString()).isEqualTo("llama.cpp");
        assertThat(peer.path("prefill_tokens_per_second").asDouble()).isEqualTo(200);
        assertThat(peer.path("decode_tokens_per_second").asDouble()).isEqualTo(60);
        assertThat(peer.path("prompt_tokens").asInt()).isEqualTo(12);
        assertThat(peer.has("bytes")).isFalse();
        assertRatios(model, peer);
        assertThat(Documents.of(run).path("turns").asInt()).isEqualTo(2);
        assertThat(Documents.of(run).path("notes")).isEmpty();
        assertThat(requests).hasSize(2 * ROUNDS).allSatisfy(request -> {
            assertThat(request.path("prompt")).hasSize(12);
            assertThat(request.path("max_tokens").asInt()).isEqualTo(3);
            assertThat(request.path("ignore_eos").asBoolean()).isTrue();
            assertThat(request.path("cache_prompt").asBoolean()).isFalse();
        });
    }

    @Test
    void aPromptThatAPeerCountsOtherwiseIsNotPassedOffAsTheSame() {
        answers = List.of(TIMINGS.formatted(100, 50).replace("\"prompt_n\": 12", "\"prompt_n\": 13"));
        var run = bench("--peer=llama.cpp=" + address());
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("llama.cpp counts 13 tokens in the prompt instead of 12")
                .contains("peer", "here ÷ there");
    }

    @Test
    void serversThatTellNoTimesAreNamedWithWhatTheySaid() throws IOException {
        answers = List.of("{\"choices\": []}");
        assertPeerFails("llama.cpp=" + address(), "answered without `timings`");
        answers = List.of("hello");
        assertPeerFails("llama.cpp=" + address(), "something else than JSON: hello");
        answers = List.of("busy");
        status = 503;
        assertPeerFails("llama.cpp=" + address(), "answered with status 503: busy");
        var gone = address();
        server.stop(0);
        assertPeerFails("llama.cpp=" + gone, "No server answers at " + gone + "/v1/completions");
    }

    private static void assertPeerFails(String peer, String message) {
        var run = bench("--peer=" + peer);
        assertThat(run.code()).as(run.err()).isEqualTo(ExitCode.INPUT.number());
        assertThat(run.err()).contains(message).doesNotContain("Lowrank itself failed");
        assertThat(run.out()).isEmpty();
    }

    /// A program in the place of Python: keeps its input and says some lines.
    private String python(String said) throws IOException {
        var program = folder.resolve("python");
        Files.writeString(
                program,
                "#!/bin/sh\ncat >> " + folder.resolve("input") + "\necho >> " + folder.resolve("input") + "\n" + said
                        + "\n");
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
        return program.toString();
    }

    private List<JsonNode> inputs() throws IOException {
        return Files.readAllLines(folder.resolve("input")).stream()
                .map(JSON::readTree)
                .toList();
    }

    @Test
    void transformersRunsOnceATurnInBothTypes() throws IOException {
        var python = python("""
                echo 'Loading weights: 100%'
                echo 'lowrank-peer {"type": "float32", "bytes": 400, "prefill": 30, "decode": 4}'
                echo 'lowrank-peer {"type": "bfloat16", "bytes": 200, "prefill": 60, "decode": 8}'""");
        var model = model(bench("--peer=transformers=" + python, "--json"));
        var peers = model.path("peers");
        assertThat(peers.valueStream().map(peer -> peer.path("peer").asString()))
                .containsExactly("transformers float32", "transformers bfloat16");
        assertThat(peers.path(1).path("decode_tokens_per_second").asDouble()).isEqualTo(8);
        assertThat(peers.path(1).path("bytes").asLong()).isEqualTo(200);
        assertRatios(model, peers.path(0));
        assertThat(inputs()).hasSize(2).allSatisfy(input -> {
            assertThat(input.path("folder").asString())
                    .endsWith("models/pocket")
                    .startsWith("/");
            assertThat(input.path("trusted").asBoolean())
                    .as("code in a folder that others wrote")
                    .isFalse();
            assertThat(input.path("prompt")).hasSize(12);
            assertThat(input.path("decode").asInt()).isEqualTo(3);
            assertThat(input.path("rounds").asInt()).isEqualTo(ROUNDS);
            assertThat(input.path("threads").asInt()).isOne();
            assertThat(input.has("gguf_file")).isFalse();
        });
    }

    @Test
    void llamaCppReceivesAFolderAsGgufOfItsOwnTypeAndThePythonOfTheEnvironment() throws IOException {
        var python = python("echo 'lowrank-peer {\"prompt_tokens\": 12, \"prefill\": 30, \"decode\": 4}'");
        var run = Run.with(
                Run.ROOT,
                Map.of("LOWRANK_PYTHON", python),
                "bench",
                "--prompt-tokens=12",
                "--decode-tokens=3",
                "--rounds=1",
                "--batch=1",
                "--peer=llama.cpp",
                "--json");
        var peer = model(run).path("peers").path(0);
        assertThat(peer.path("bytes").asLong()).as("BF16 as the folder").isBetween(10_900_000L, 11_500_000L);
        var inputs = inputs();
        assertThat(inputs).hasSize(2);
        var file = inputs.getFirst().path("model").asString();
        assertThat(file)
                .endsWith(".gguf")
                .isEqualTo(inputs.getLast().path("model").asString());
        assertThat(Path.of(file)).as("gone after the run").doesNotExist();
        assertThat(inputs.getFirst().path("request").path("prompt")).hasSize(12);
    }

    @Test
    void aGgufFileRunsAsItIs() throws IOException {
        var file = folder.resolve("model.gguf");
        assertThat(Run.of("export", Run.ROOT.resolve("models/pocket").toString(), "--gguf", file.toString())
                        .code())
                .isZero();
        var python =
                python("echo 'lowrank-peer {\"prompt_tokens\": 12, \"prefill\": 30, \"decode\": 4, \"type\": \"x\"}'");
        var model =
                model(bench(file.toString(), "--peer=llama.cpp=" + python, "--peer=transformers=" + python, "--json"));
        assertThat(model.path("peers").path(0).path("bytes").asLong()).isEqualTo(Files.size(file));
        var inputs = inputs();
        assertThat(inputs.get(0).path("model").asString()).isEqualTo(file.toString());
        assertThat(inputs.get(1).path("gguf_file").asString()).isEqualTo("model.gguf");
        assertThat(inputs.get(1).path("folder").asString()).isEqualTo(folder.toString());
    }

    /// Started as llama.cpp's program is, it writes down its arguments and answers like the server.
    private static final String PROGRAM = """
            import com.sun.net.httpserver.HttpServer;
            import java.net.InetSocketAddress;
            import java.nio.file.*;
            import java.util.List;

            class FakeServer {
                public static void main(String[] arguments) throws Exception {
                    var log = Path.of(arguments[0]);
                    var given = List.of(arguments);
                    Files.writeString(log, String.join(" ", given) + System.lineSeparator(),
                            StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                    var port = Integer.parseInt(given.get(given.indexOf("--port") + 1));
                    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
                    server.createContext("/", exchange -> {
                        exchange.getRequestBody().readAllBytes();
                        var answer = "{\\"timings\\": {\\"prompt_n\\": 12, \\"prompt_per_second\\": 7, \\"predicted_per_second\\": 5}}"
                                .getBytes();
                        exchange.sendResponseHeaders(200, answer.length);
                        exchange.getResponseBody().write(answer);
                        exchange.close();
                    });
                    server.start();
                }
            }
            """;

    private String program(String script) throws IOException {
        var program = folder.resolve("llama-server");
        Files.writeString(program, "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
        return program.toString();
    }

    @Test
    void llamaCppsProgramIsStartedForEachTurnAndEnded() throws IOException {
        var source = Files.writeString(folder.resolve("FakeServer.java"), PROGRAM);
        var log = folder.resolve("log");
        var java = Path.of(System.getProperty("java.home"), "bin", "java");
        var model = model(
                bench("--peer=llama.cpp=" + program("exec " + java + " " + source + " " + log + " \"$@\""), "--json"));
        var peer = model.path("peers").path(0);
        assertThat(peer.path("decode_tokens_per_second").asDouble()).isEqualTo(5);
        assertThat(peer.path("bytes").asLong()).isBetween(10_900_000L, 11_500_000L);
        assertThat(Files.readAllLines(log))
                .hasSize(2)
                .allSatisfy(line -> assertThat(line).contains(".gguf --host 127.0.0.1 --port ", " -t 1 "));
        assertThat(ProcessHandle.current().descendants())
                .noneMatch(process -> process.info().commandLine().orElse("").contains("FakeServer"));
    }

    @Test
    void llamaCppsProgramThatEndsIsNamedWithItsLastWords() throws IOException {
        assertPeerFails("llama.cpp=" + program("echo no such model; exit 3"), "ended with exit code 3:\nno such model");
    }

    @Test
    void programsThatMeasureNothingAreNamedWithTheirLastWords() throws IOException {
        assertPeerFails(
                "transformers=" + python("echo 'ModuleNotFoundError: No module' >&2; exit 1"),
                "ModuleNotFoundError: No module");
        assertPeerFails("llama.cpp=" + python("exit 0"), "measured nothing (exit code 0)");
        assertPeerFails("llama.cpp=" + python("echo 'lowrank-peer {'"), "broke off");
        assertPeerFails("transformers=" + folder.resolve("absent"), "cannot be started");
    }
}
