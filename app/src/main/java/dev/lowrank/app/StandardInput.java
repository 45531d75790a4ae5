package dev.lowrank.app;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// What the user pipes in or types, as UTF-8.
final class StandardInput {
    private final BufferedReader reader;
    private final BooleanSupplier terminal;

    /// @param stream where it comes from
    /// @param terminal says whether a person types it; asked only by commands that read
    StandardInput(InputStream stream, BooleanSupplier terminal) {
        this.reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
        this.terminal = terminal;
    }

    /// Nothing to read.
    static StandardInput empty() {
        return new StandardInput(InputStream.nullInputStream(), () -> false);
    }

    /// Whether a person types it.
    boolean isTerminal() {
        return terminal.getAsBoolean();
    }

    /// Everything until the end.
    String readAll() {
        try {
            return reader.readAllAsString();
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    /// The next line without its end; null after the last one.
    @Nullable
    String readLine() {
        try {
            return reader.readLine();
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }
}
