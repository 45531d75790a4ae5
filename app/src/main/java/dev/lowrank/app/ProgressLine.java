package dev.lowrank.app;

import dev.lowrank.model.Progress;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Shows progress with rate and remaining time: one line that is redrawn on a terminal, a plain line every
/// few seconds elsewhere. A step with a new name begins a new stage.
final class ProgressLine implements Progress, AutoCloseable {
    private static final String ERASE = "\r\u001b[K";

    private final Consumer<String> sink;
    private final LongSupplier nanoTime;
    private final boolean terminal;

    private @Nullable String stage;
    private long total;
    private long done;
    private long started;
    private long shown;

    /// @param sink takes raw text, line ends included
    /// @param nanoTime the clock
    /// @param terminal whether a line can be redrawn
    ProgressLine(Consumer<String> sink, LongSupplier nanoTime, boolean terminal) {
        this.sink = sink;
        this.nanoTime = nanoTime;
        this.terminal = terminal;
    }

    @Override
    public void step(String what, long units, long of) {
        if (!what.equals(stage)) {
            begin(what);
        }
        done = units;
        total = of;
        var now = nanoTime.getAsLong();
        var interval = terminal ? 100_000_000L : 5_000_000_000L;
        if (now - shown >= interval) {
            shown = now;
            sink.accept(terminal ? ERASE + text(now) : text(now) + "\n");
        }
    }

    @Override
    public void close() {
        end();
    }

    /// Ends the last stage, as before a line of something else.
    void end() {
        if (stage != null) {
            var line = stage + ": " + done + " in " + Figures.seconds((nanoTime.getAsLong() - started) / 1e9) + "\n";
            sink.accept(terminal ? ERASE + line : line);
            stage = null;
        }
    }

    private void begin(String what) {
        end();
        stage = what;
        started = nanoTime.getAsLong();
        shown = started;
        if (terminal) {
            sink.accept(ERASE + what);
        }
    }

    private String text(long now) {
        var elapsed = (now - started) / 1e9;
        var percent = total > 0 ? 100.0 * done / total : 0.0;
        var text = String.format(Locale.ROOT, "%s: %d of %d, %.0f %%", stage, done, total, percent);
        if (done > 0 && elapsed > 0) {
            var rate = done / elapsed;
            text += ", " + rate(rate) + (done < total ? ", " + Figures.seconds((total - done) / rate) + " left" : "");
        }
        return text;
    }

    private static String rate(double rate) {
        return rate >= 1 ? Figures.decimal(rate, 1) + "/s" : Figures.seconds(1 / rate) + " each";
    }
}
