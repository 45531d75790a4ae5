package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/// Mixed clients for a time, `-Dlowrank.soak.seconds`: nothing grows.
@Tag("slow")
@EnabledOnOs(value = OS.LINUX, disabledReason = "resident memory is read from /proc")
class ServerSoakTest {
    private static final int SECONDS = Integer.getInteger("lowrank.soak.seconds", 120);
    private static final int CLIENTS = 12;

    @Test
    void nothingGrows() throws Exception {
        try (var server = TestServer.start(new TestServer.Setup());
                var pool = Executors.newVirtualThreadPerTaskExecutor()) {
            var end = System.nanoTime() + SECONDS * 1_000_000_000L;
            var done = new AtomicLong();
            var clients = new ArrayList<Future<?>>();
            for (var i = 0; i < CLIENTS; i++) {
                var client = i;
                clients.add(pool.submit(() -> {
                    for (var k = 0; System.nanoTime() < end; k++) {
                        ask(server, client, k);
                        done.incrementAndGet();
                    }
                    return null;
                }));
            }
            Thread.sleep(SECONDS * 1000L / 4);
            System.gc();
            var bytes = resident();
            var files = files();
            while (System.nanoTime() < end) {
                Thread.sleep(500);
            }
            for (var client : clients) {
                client.get();
            }
            System.gc();
            assertThat(done.get()).isGreaterThan(SECONDS);
            assertThat(resident()).isLessThan(bytes + bytes / 20 + 50_000_000);
            assertThat(files()).isLessThanOrEqualTo(files + 2);
            assertThat(server.metric("lowrank_requests_failed_total")).isZero();
        }
    }

    private static void ask(TestServer server, int client, int k) throws Exception {
        var body = "{\"prompt\": \"" + ("text " + client + "\\n").repeat(1 + 17 * k % 60) + "\", \"max_tokens\": "
                + (1 + 7 * k % 40) + ", \"stream\": " + (k % 2 == 0) + "}";
        try (var raw = server.raw()) {
            raw.post("/v1/completions", body);
            if (k % 5 == 0) {
                Thread.sleep(k % 50);
                return; // Goes without its answer.
            }
            assertThat(raw.status()).isIn(200, 429);
            raw.all(500);
        }
    }

    private static long files() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                ? unix.getOpenFileDescriptorCount()
                : 0;
    }

    private static long resident() throws Exception {
        for (var line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        throw new IllegalStateException("no VmRSS");
    }
}
