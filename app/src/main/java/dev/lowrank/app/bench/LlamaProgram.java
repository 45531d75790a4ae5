package dev.lowrank.app.bench;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// llama.cpp's own server program, started for each turn and ended after it. A `.gguf` file runs as it is;
/// any other model is first written as one, in the type of its weights.
///
/// @param program `llama-server`, with or without its folder
public record LlamaProgram(String program) implements Peer {
    private static final Duration READY = Duration.ofMinutes(5);
    private static final int PATIENCE_MILLIS = 100;
    private static final int ANSWER_MILLIS = 2_000;
    private static final int END_SECONDS = 10;

    @Override
    public String name() {
        return Peers.LLAMA_CPP;
    }

    @Override
    public List<PeerSpeed> measure(Task task) throws InterruptedException {
        var file = LlamaPython.file(task);
        var log = task.work().resolve("llama-server.txt");
        var address = URI.create("http://127.0.0.1:" + freePort());
        var process = start(file, address.getPort(), task, log);
        try {
            await(process, address.resolve("/health"), log);
            return LlamaServer.at(address).measure(task).stream()
                    .map(found -> new PeerSpeed(
                            found.peer(),
                            LlamaPython.size(file),
                            found.promptTokens(),
                            found.prefill(),
                            found.decode()))
                    .toList();
        } finally {
            process.destroy();
            if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        }
    }

    private Process start(Path file, int port, Task task, Path log) {
        var context = task.prompt().length + task.decodeTokens() + 16;
        var command = List.of(
                program,
                "-m",
                file.toAbsolutePath().toString(),
                "--host",
                "127.0.0.1",
                "--port",
                Integer.toString(port),
                "-t",
                Integer.toString(task.threads()),
                "-np",
                "1",
                "-c",
                Integer.toString(context));
        try {
            var builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
            PeerScript.change(builder, task.waiting());
            return builder.start();
        } catch (IOException missing) {
            throw new PeerException(
                    program + " cannot be started: " + missing.getMessage()
                            + ". Name llama.cpp's server with --peer llama.cpp=PATH/llama-server.",
                    missing);
        }
    }

    private void await(Process process, URI health, Path log) throws InterruptedException {
        var end = System.nanoTime() + READY.toNanos();
        while (!isReady(health)) {
            if (process.waitFor(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
                throw new PeerException(
                        program + " ended with exit code " + process.exitValue() + ":\n" + PeerScript.end(log));
            }
            if (System.nanoTime() > end) {
                throw new PeerException(
                        program + " was not ready after " + READY.toMinutes() + " minutes:\n" + PeerScript.end(log));
            }
        }
    }

    private static boolean isReady(URI health) {
        try {
            var connection = (HttpURLConnection) health.toURL().openConnection();
            connection.setConnectTimeout(ANSWER_MILLIS);
            connection.setReadTimeout(ANSWER_MILLIS);
            return connection.getResponseCode() == HttpURLConnection.HTTP_OK;
        } catch (IOException _) {
            return false; // not yet, or gone: the caller looks
        }
    }

    private static int freePort() {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException none) {
            throw new PeerException("This machine has no free port for llama.cpp's server.", none);
        }
    }
}
