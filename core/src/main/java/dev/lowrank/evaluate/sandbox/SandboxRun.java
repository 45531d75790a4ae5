package dev.lowrank.evaluate.sandbox;

import dev.lowrank.checkpoint.Printable;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// One program in one sandbox: starts it, keeps its time, kills it, reads its verdict. Must be used on a
/// platform thread that lives on, because the kernel kills the sandbox when the thread that started it
/// ends.
final class SandboxRun {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int NONCE_BYTES = 16;
    private static final String STARTED = "started\n";
    private static final int MOST_VERDICT_BYTES = 8 << 10;
    private static final Duration START = Duration.ofSeconds(60);
    private static final long SHORTEST_LOOK_MS = 20;
    private static final Map<Integer, String> SIGNALS = Map.of(
            4, "SIGILL", 6, "SIGABRT", 7, "SIGBUS", 8, "SIGFPE", 9, "SIGKILL", 11, "SIGSEGV", 13, "SIGPIPE", 14,
            "SIGALRM", 15, "SIGTERM", 31, "SIGSYS");

    private final SandboxLimits limits;
    private final Process process;
    private final String nonce = HexFormat.of().formatHex(random());
    private final CompletableFuture<Void> started = new CompletableFuture<>();
    private final CompletableFuture<String> verdict = new CompletableFuture<>();
    private final CompletableFuture<String> output = new CompletableFuture<>();

    private SandboxRun(List<String> command, SandboxLimits limits) throws IOException {
        this.limits = limits;
        var builder = new ProcessBuilder(command).directory(Path.of("/").toFile());
        builder.environment().clear();
        process = builder.start();
    }

    /// @throws SandboxUnavailableException when the sandbox did not come up, which says nothing of the
    ///     program
    static Outcome of(List<String> command, SandboxLimits limits, String program) throws InterruptedException {
        SandboxRun run;
        try {
            run = new SandboxRun(command, limits);
        } catch (IOException failure) {
            throw new SandboxUnavailableException(
                    "The sandbox could not be started: " + failure.getMessage() + ". " + Bubblewrap.advice(), failure);
        }
        try {
            return run.outcome(program);
        } finally {
            run.end();
        }
    }

    private Outcome outcome(String program) throws InterruptedException {
        Thread.ofVirtual().start(this::listen);
        Thread.ofVirtual().start(() -> output.complete(capture(process.getErrorStream())));
        Thread.ofVirtual().start(() -> send(program));
        awaitStart();
        if (!awaitVerdict(System.nanoTime())) {
            kill();
            return Outcome.timedOut(output());
        }
        return read(verdict.join());
    }

    /// The program is about to run.
    private void awaitStart() throws InterruptedException {
        try {
            started.get(START.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException neverStarted) {
            kill();
            throw new SandboxUnavailableException(
                    "The sandbox did not start; bubblewrap says: " + Printable.escape(output().strip(), 500) + ". "
                            + Bubblewrap.advice(),
                    neverStarted);
        }
    }

    /// @return whether there is a verdict, or the program ended without one; false when its time is up
    private boolean awaitVerdict(long start) throws InterruptedException {
        var limit = limits.time().toMillis();
        var wait = limit;
        while (true) {
            try {
                verdict.get(wait, TimeUnit.MILLISECONDS);
                return true;
            } catch (TimeoutException notYet) {
                var elapsed = (System.nanoTime() - start) / 1_000_000;
                if (elapsed >= limits.patience().toMillis()) {
                    return false;
                }
                var counted = counted(elapsed);
                if (counted >= limit) {
                    return false;
                }
                wait = Math.clamp(limit - counted, SHORTEST_LOOK_MS, limit);
            } catch (ExecutionException broken) {
                throw new IllegalStateException("The verdict's pipe broke", broken);
            }
        }
    }

    /// How much of the elapsed milliseconds counts: not what the program waited for a processor; all the
    /// processor time of its processes.
    private long counted(long elapsed) {
        var times = ProcessTimes.of(process.toHandle());
        var used = (long) (1000 * times.used());
        return times.isCandidateThere() ? Math.max(elapsed - (long) (1000 * times.waited()), used) : used;
    }

    private Outcome read(String said) throws InterruptedException {
        var printed = output();
        if (!said.startsWith(nonce) || said.length() == nonce.length()) {
            return Outcome.failed("ended its supervisor, or both were killed for memory", printed);
        }
        var detail = said.substring(nonce.length() + 1);
        return switch (said.charAt(nonce.length())) {
            case 'P' -> Outcome.passed(printed);
            case 'T' -> Outcome.timedOut(printed);
            case 'F' -> Outcome.failed(detail, printed);
            case 'K' -> Outcome.failed("killed by " + signal(Integer.parseInt(detail)), printed);
            default -> Outcome.failed("ended before its last statement, with exit status " + detail, printed);
        };
    }

    private static String signal(int number) {
        return SIGNALS.getOrDefault(number, "signal " + number);
    }

    /// What was printed; complete once nothing in the sandbox is left that could print.
    private String output() throws InterruptedException {
        try {
            return output.get(limits.grace().toMillis() + START.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException stuck) {
            throw new SandboxUnavailableException("A killed sandbox is still there after " + limits.grace(), stuck);
        }
    }

    /// Nothing of a sandbox is left when its run returns, whatever happened.
    private void end() throws InterruptedException {
        kill();
        if (!process.waitFor(START.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new SandboxUnavailableException("A killed sandbox, process " + process.pid() + ", does not end");
        }
        try {
            process.getOutputStream().close();
        } catch (IOException alreadyBroken) {
            // What could not be sent was for a process that is gone.
            return;
        }
    }

    /// Kills the namespace through its process 1, so that bubblewrap sees the last of it go and leaves
    /// nothing to whoever takes orphans here; kills bubblewrap itself where that is not done in time.
    private void kill() throws InterruptedException {
        try (var children = process.children()) {
            children.forEach(ProcessHandle::destroyForcibly);
        }
        if (!started.isDone() || !process.waitFor(limits.grace().toMillis(), TimeUnit.MILLISECONDS)) {
            process.destroyForcibly();
        }
    }

    private void send(String program) {
        var bytes = program.getBytes(StandardCharsets.UTF_8);
        try {
            // Stays open: its end tells the supervisor that the host is gone.
            var out = process.getOutputStream();
            out.write((bytes.length + "\n").getBytes(StandardCharsets.US_ASCII));
            out.write(bytes);
            out.write(nonce.getBytes(StandardCharsets.US_ASCII));
            out.flush();
        } catch (IOException gone) {
            // The other pipes' end tells the same and wakes those who wait.
            started.completeExceptionally(gone);
        }
    }

    private void listen() {
        var said = new ByteArrayOutputStream();
        try (var in = process.getInputStream()) {
            var greeting = new String(in.readNBytes(STARTED.length()), StandardCharsets.US_ASCII);
            if (greeting.equals(STARTED)) {
                started.complete(null);
            } else {
                started.completeExceptionally(new IOException("said " + Printable.escape(greeting, 100)));
            }
            keep(in, said, MOST_VERDICT_BYTES);
        } catch (IOException broken) {
            started.completeExceptionally(broken);
        }
        verdict.complete(said.toString(StandardCharsets.UTF_8));
    }

    private String capture(InputStream stream) {
        var printed = new ByteArrayOutputStream();
        try (var in = stream) {
            keep(in, printed, limits.outputBytes());
        } catch (IOException broken) {
            // What came until then is what there is.
            return printable(printed);
        }
        return printable(printed);
    }

    private String printable(ByteArrayOutputStream printed) {
        return Printable.lines(printed.toString(StandardCharsets.UTF_8), limits.outputBytes());
    }

    /// Reads to the end, so that nobody waits for us, and keeps the first bytes.
    private static void keep(InputStream in, ByteArrayOutputStream kept, int most) throws IOException {
        var buffer = new byte[16 << 10];
        for (var count = in.read(buffer); count >= 0; count = in.read(buffer)) {
            kept.write(buffer, 0, Math.min(count, most - kept.size()));
        }
    }

    private static byte[] random() {
        var bytes = new byte[NONCE_BYTES];
        RANDOM.nextBytes(bytes);
        return bytes;
    }
}
