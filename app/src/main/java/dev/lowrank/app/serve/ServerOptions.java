package dev.lowrank.app.serve;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;

/// How a server is set up.
///
/// @param host address to listen on
/// @param port 0 for a free one
/// @param keys who may ask; empty for anybody who can reach the loopback address
/// @param hosts further names that the Host header may have
/// @param origins web origins whose pages may read answers
/// @param timeout longest time for one request
/// @param limits of memory and numbers
public record ServerOptions(
        String host,
        int port,
        List<String> keys,
        List<String> hosts,
        List<String> origins,
        Duration timeout,
        Limits limits) {

    /// Limits that protect the others from one client.
    ///
    /// @param bodyBytes largest body
    /// @param connections open ones
    /// @param slowness longest time that a client may take to send a request, or to take a piece of the
    ///     answer
    /// @param idle longest time between two requests of a connection
    public record Limits(int bodyBytes, int connections, Duration slowness, Duration idle) {
        private static final int MOST_BODY = 8 << 20;
        private static final int MOST_CONNECTIONS = 4096;
        /// Files that the server itself may yet open.
        private static final int SPARE_FILES = 96;

        /// What a server is started with: no more connections than this process may open files.
        public static Limits ofThisProcess() {
            var connections = MOST_CONNECTIONS;
            if (ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix) {
                var free = unix.getMaxFileDescriptorCount() - unix.getOpenFileDescriptorCount() - SPARE_FILES;
                connections = Math.clamp(free, 1, MOST_CONNECTIONS);
            }
            return new Limits(MOST_BODY, connections, Duration.ofSeconds(12), Duration.ofSeconds(75));
        }
    }

    public ServerOptions {
        keys = List.copyOf(keys);
        hosts = List.copyOf(hosts);
        origins = List.copyOf(origins);
    }
}
