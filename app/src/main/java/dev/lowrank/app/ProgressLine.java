package dev.lowrank.app;

import dev.lowrank.model.Progress;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Shows progress with rate and remaining time: one line that is redrawn on a terminal, a plain line every
/// few seconds elsewhere. A step with a new name begins a new stage.
final class ProgressLine implements Progress, AutoCloseable {
    private static final String ERASE = "\r\u001b[K";

    private final Consumer<String> sink;
    private final LongSupplier nanoTime;
    private final boolean terminal;

    private @Nullable String stage;
    private long first;
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
        show(what, units, () -> text(units, of));
    }

    /// As [#step], in words of the caller's own.
    ///
    /// @param what name of the stage
    /// @param units done, for the line at its end
    /// @param words what to show; asked for only when something is shown
    void show(String what, long units, Supplier<String> words) {
        if (!what.equals(stage)) {
            begin(what, units);
        }
        done = units;
        var now = nanoTime.getAsLong();
        var interval = terminal ? 100_000_000L : 5_000_000_000L;
        if (now - shown >= interval) {
            shown = now;
            var line = what + ": " + words.get();
            sink.accept(terminal ? ERASE + line : line + "\n");
        }
    }

    /// A line of something else; the stage goes on below it.
    void note(String text) {
        sink.accept(terminal ? ERASE + text + "\n" : text + "\n");
    }

    @Override
    public void close() {
        end();
    }

    private void end() {
        if (stage != null) {
            var line = stage + ": " + done + " in " + Figures.seconds((nanoTime.getAsLong() - started) / 1e9) + "\n";
            sink.accept(terminal ? ERASE + line : line);
            stage = null;
        }
    }

    private void begin(String what, long units) {
        end();
        stage = what;
        first = units;
        started = nanoTime.getAsLong();
        shown = started;
        if (terminal) {
            sink.accept(ERASE + what);
        }
    }

    /// What was done before the first call is no part of the rate.
    private String text(long units, long of) {
        var elapsed = (nanoTime.getAsLong() - started) / 1e9;
        var percent = of > 0 ? 100.0 * units / of : 0.0;
        var text = String.format(Locale.ROOT, "%d of %d, %.0f %%", units, of, percent);
        if (units > first && elapsed > 0) {
            var rate = (units - first) / elapsed;
            text += ", " + rate(rate) + (units < of ? ", " + Figures.seconds((of - units) / rate) + " left" : "");
        }
        return text;
    }

    private static String rate(double rate) {
        return rate >= 1 ? Figures.decimal(rate, 1) + "/s" : Figures.seconds(1 / rate) + " each";
    }
}
