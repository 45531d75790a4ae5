package dev.lowrank.app.serve;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;

/// A client that sends what it likes.
final class RawClient implements AutoCloseable {
    final Socket socket;

    RawClient(int port) throws IOException {
        this(port, 1 << 16);
    }

    /// @param receiveBytes what the system keeps for this client
    RawClient(int port, int receiveBytes) throws IOException {
        socket = new Socket();
        socket.setReceiveBufferSize(receiveBytes);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        socket.setSoTimeout(20_000);
    }

    RawClient send(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
        return this;
    }

    /// A request after whose answer the connection is closed.
    ///
    /// @param header beside those that every request has
    RawClient get(String path, String header) throws IOException {
        return send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + header + "\r\n\r\n");
    }

    /// A request with its lengths and host as they should be.
    RawClient post(String path, String body) throws IOException {
        return send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: " + body.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + body);
    }

    /// Everything until the server closes, or until it says nothing for a while.
    String all(int patienceMillis) throws IOException {
        socket.setSoTimeout(patienceMillis);
        var bytes = new ByteArrayOutputStream();
        var buffer = new byte[8192];
        try {
            for (var n = socket.getInputStream().read(buffer);
                    n >= 0;
                    n = socket.getInputStream().read(buffer)) {
                bytes.write(buffer, 0, n);
            }
        } catch (SocketTimeoutException silent) {
            // What came is all.
        } catch (IOException reset) {
            // A reset ends it as well as a close.
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /// The status line's number; 0 where there is none.
    int status() throws IOException {
        socket.setSoTimeout(5000);
        var line = new StringBuilder();
        try {
            for (var c = socket.getInputStream().read();
                    c >= 0 && c != '\r';
                    c = socket.getInputStream().read()) {
                line.append((char) c);
            }
        } catch (IOException reset) {
            return 0;
        }
        return status(line.toString());
    }

    static int status(String answer) {
        return answer.startsWith("HTTP/1.1 ") ? Integer.parseInt(answer.substring(9, 12)) : 0;
    }

    /// Whether the server closes the connection within a time.
    boolean closedWithin(int millis) throws IOException {
        socket.setSoTimeout(millis);
        try {
            var last = socket.getInputStream().read();
            while (last >= 0) {
                last = socket.getInputStream().read();
            }
            return true;
        } catch (SocketTimeoutException open) {
            return false;
        } catch (IOException reset) {
            return true;
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
