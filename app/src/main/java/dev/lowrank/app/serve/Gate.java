package dev.lowrank.app.serve;

import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Who may ask: by the Host header (a page cannot reach us under a name of its own), the Origin header (a
/// page of somebody else cannot use us) and the key.
final class Gate {
    private static final int MOST_HEADERS = 100;
    private static final List<String> LOOPBACK = List.of("localhost", "127.0.0.1", "[::1]");

    private final KeyRing keys;
    private final Set<String> hosts = new HashSet<>(LOOPBACK);
    private final Set<String> origins;
    private final boolean anyAddress;

    Gate(ServerOptions options) {
        keys = new KeyRing(options.keys());
        options.hosts().forEach(host -> hosts.add(host.toLowerCase(Locale.ROOT)));
        hosts.add(options.host().toLowerCase(Locale.ROOT));
        origins = Set.copyOf(options.origins());
        anyAddress = !isLoopback(options.host());
    }

    /// Whether only this machine reaches an address.
    static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException unknown) {
            return false;
        }
    }

    boolean isOpen() {
        return keys.isOpen();
    }

    /// Checks what comes before any work.
    void checkSource(Exchange exchange) {
        if (exchange.headerCount() > MOST_HEADERS) {
            throw ApiException.headers("The request has more than " + MOST_HEADERS + " headers");
        }
        var host = exchange.headers("Host");
        if (host.size() != 1 || !isOurs(host.getFirst())) {
            throw ApiException.misdirected("This server has another name than the Host header says; see --allow-host");
        }
        for (var origin : exchange.headers("Origin")) {
            if (origins.contains(origin)) {
                exchange.answerHeader("Access-Control-Allow-Origin", origin);
                exchange.answerHeader("Vary", "Origin");
            } else if (!origin.equalsIgnoreCase("http://" + host.getFirst())) {
                throw ApiException.forbidden("Pages of this origin may not use the server; see --cors");
            }
        }
    }

    /// Whether a request is a page's question whether it may ask, which carries no key.
    boolean isPreflight(Exchange exchange) {
        return exchange.method().equals("OPTIONS")
                && !exchange.headers("Access-Control-Request-Method").isEmpty()
                && exchange.headers("Origin").stream().anyMatch(origins::contains);
    }

    /// Whose request it is.
    ///
    /// @throws ApiException 401 without a right key
    String owner(Exchange exchange) {
        return keys.owner(exchange.headers("Authorization"))
                .orElseThrow(() -> ApiException.noKey(
                        "A key is needed, as the header 'Authorization: Bearer KEY'; this request has none that fits"));
    }

    private boolean isOurs(String header) {
        String name;
        try {
            name = new URI("http://" + header).getHost();
        } catch (URISyntaxException broken) {
            return false;
        }
        if (name == null) {
            return false;
        }
        // Where everybody may connect, an address cannot be a name that somebody else gave it.
        return hosts.contains(name.toLowerCase(Locale.ROOT)) || anyAddress && isAddress(name);
    }

    private static boolean isAddress(String name) {
        return name.startsWith("[") || name.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    }
}
