package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;

/// Tries a server of another process.
public final class ServerProbe {
    private ServerProbe() {}

    /// Opens more connections than a server can have; those too many are told so or wait, and all are
    /// closed.
    public static void exhaust(int port, int connections) throws IOException {
        var open = new ArrayList<RawClient>();
        var refused = 0;
        try {
            for (var i = 0; i < connections; i++) {
                open.add(new RawClient(port));
            }
            for (var client : open) {
                client.socket.setSoTimeout(20);
                var answer = client.all(20);
                assertThat(RawClient.status(answer)).isIn(0, 503);
                refused += answer.isEmpty() ? 0 : 1;
            }
            assertThat(refused).isPositive();
        } finally {
            for (var client : open) {
                client.close();
            }
        }
    }
}
