package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.app.serve.ServerProbe;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// `serve` as a process of its own: H12, H18, H22.
@EnabledOnOs(value = OS.LINUX, disabledReason = "signals, /proc and ulimit are asked for")
class ServeProcessTest {
    private static final String KEY = "a-secret-that-is-nowhere-1234567890";

    @TempDir
    Path folder;

    private final HttpClient client = HttpClient.newHttpClient();

    /// A started server.
    private record Started(Process process, String url, Path log) implements AutoCloseable {
        int port() {
            return URI.create(url).getPort();
        }

        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }

    private Started start(Map<String, String> environment, String shell, String... arguments) throws Exception {
        var java = new ArrayList<String>();
        java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-javaagent"))
                .forEach(java::add);
        java.addAll(List.of(
                "-Dlowrank.home=" + Run.ROOT.toAbsolutePath(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "serve",
                "--port=0",
                "--json"));
        java.addAll(List.of(arguments));
        var command = new ArrayList<>(List.of("sh", "-c", shell + " exec \"$@\"", "sh"));
        command.addAll(java);
        var log = folder.resolve("log");
        var builder = new ProcessBuilder(command).directory(folder.toFile()).redirectError(log.toFile());
        builder.environment().putAll(environment);
        var process = builder.start();
        var url = url(process.inputReader(StandardCharsets.UTF_8));
        assertThat(url).as(() -> read(log)).isNotEmpty();
        return new Started(process, url, log);
    }

    private static String url(BufferedReader lines) throws IOException {
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.contains("\"url\"")) {
                return line.substring(line.indexOf("http"), line.lastIndexOf('"'));
            }
        }
        return "";
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException failure) {
            return failure.toString();
        }
    }

    private HttpRequest completion(Started server, int most) {
        return HttpRequest.newBuilder(URI.create(server.url() + "/v1/completions"))
                .header("Content-Type", "application/json")
                .header("Authorization", "Bearer " + KEY)
                .POST(HttpRequest.BodyPublishers.ofString(
                        "{\"prompt\": \"def\", \"max_tokens\": " + most + ", \"stream\": true}"))
                .build();
    }

    @Test
    void aTerminatedServerFinishesWhatItHasAndLeavesNoKeyAnywhere() throws Exception {
        var keys = Files.writeString(folder.resolve("keys"), "# ours\n" + KEY + "\n");
        Files.setPosixFilePermissions(keys, PosixFilePermissions.fromString("rw-------"));
        try (var server = start(Map.of(), "", "--host=0.0.0.0", "--api-key-file=" + keys)) {
            var url = server.url().replace("0.0.0.0", "127.0.0.1");
            var local = new Started(server.process(), url, server.log());
            var running = client.sendAsync(completion(local, 600), HttpResponse.BodyHandlers.ofString());
            var wrong = HttpRequest.newBuilder(URI.create(url + "/v1/models?key=" + KEY))
                    .header("Authorization", "Bearer " + KEY + "x")
                    .build();
            assertThat(client.send(wrong, HttpResponse.BodyHandlers.ofString()).statusCode())
                    .isEqualTo(401);
            var commandLine =
                    Files.readString(Path.of("/proc/" + server.process().pid() + "/cmdline"));
            assertThat(commandLine).contains("serve").doesNotContain(KEY);
            Thread.sleep(1500);
            server.process().destroy();
            assertThat(running.get(40, TimeUnit.SECONDS).body())
                    .containsPattern("\\[DONE\\]|shutting_down")
                    .endsWith("\n\n");
            assertThat(server.process().waitFor(40, TimeUnit.SECONDS)).isTrue();
            assertThat(server.process().exitValue()).isZero();
            assertThat(read(server.log()))
                    .contains("\"path\":\"/v1/completions\"")
                    .doesNotContain(KEY);
        }
        assertNoCrash();
    }

    private void assertNoCrash() throws IOException {
        try (var files = Files.list(folder)) {
            assertThat(files).extracting(file -> file.getFileName().toString()).isSubsetOf("keys", "log");
        }
    }

    @Test
    void aKeyMayComeFromTheEnvironment() throws Exception {
        try (var server = start(Map.of("LOWRANK_API_KEY", KEY), "")) {
            var request = HttpRequest.newBuilder(URI.create(server.url() + "/v1/models"));
            assertThat(client.send(request.build(), HttpResponse.BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(401);
            request.header("Authorization", "Bearer " + KEY);
            assertThat(client.send(request.build(), HttpResponse.BodyHandlers.ofString())
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void withFewFilesTheServerRefusesAndRecovers() throws Exception {
        try (var server = start(Map.of(), "ulimit -n 256;")) {
            ServerProbe.exhaust(server.port(), 400);
            var request =
                    HttpRequest.newBuilder(URI.create(server.url() + "/health")).build();
            for (var i = 0; ; i++) {
                try {
                    assertThat(client.send(request, HttpResponse.BodyHandlers.ofString())
                                    .statusCode())
                            .isEqualTo(200);
                    break;
                } catch (IOException full) {
                    assertThat(i).isLessThan(50);
                    Thread.sleep(100);
                }
            }
        }
    }

    @Test
    void theCommandLineIsChecked() throws Exception {
        assertThat(Run.of("serve", "--host=0.0.0.0", "--port=0").code()).isEqualTo(2);
        assertThat(Run.of("serve", "--host=0.0.0.0", "--port=0").err()).contains("--api-key-file");
        assertThat(Run.of("serve", "--api-key=abc").code()).isEqualTo(2);
        assertThat(Run.of("serve", "--parallel=0").code()).isEqualTo(2);
        assertThat(Run.of("serve", "nowhere/at all").code()).isEqualTo(4);
        assertThat(Run.of("serve", "--memory=1MB").code()).isEqualTo(5);
        var pocket = Run.ROOT.resolve("models/pocket").toString();
        assertThat(Run.of("serve", pocket, pocket).err()).contains("Two models");
        var empty = Files.writeString(folder.resolve("empty"), "# nothing\n");
        assertThat(Run.of("serve", "--api-key-file=" + empty).code()).isEqualTo(3);
        assertThat(Run.of("serve", "--api-key-file=nowhere").code()).isEqualTo(4);
        var tooShort = Files.writeString(folder.resolve("short"), "abc\n");
        assertThat(Run.of("serve", "--api-key-file=" + tooShort).err()).contains("fewer than");
    }
}
