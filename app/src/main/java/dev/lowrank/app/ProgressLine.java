package dev.lowrank.app;

import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Shows progress with rate and remaining time: one line that is redrawn on a terminal, a plain line every
/// few seconds elsewhere.
final class ProgressLine implements Progress {
    private static final String ERASE = "\r\u001b[K";

    private final Consumer<String> sink;
    private final LongSupplier nanoTime;
    private final boolean terminal;

    private @Nullable String stage;
    private String unit = "";
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
    public void stage(String name, long units, String unitName) {
        close();
        stage = name;
        total = units;
        unit = unitName;
        done = 0;
        started = nanoTime.getAsLong();
        shown = started;
        if (terminal) {
            sink.accept(ERASE + text(started));
        }
    }

    @Override
    public void done(long units) {
        done = units;
        var now = nanoTime.getAsLong();
        var interval = terminal ? 100_000_000L : 5_000_000_000L;
        if (stage != null && now - shown >= interval) {
            shown = now;
            sink.accept(terminal ? ERASE + text(now) : text(now) + "\n");
        }
    }

    @Override
    public void finish() {
        close();
    }

    private void close() {
        if (stage == null) {
            return;
        }
        var now = nanoTime.getAsLong();
        var line = stage + ": " + done + " " + unit + " in " + Figures.seconds((now - started) / 1e9) + "\n";
        sink.accept(terminal ? ERASE + line : line);
        stage = null;
    }

    private String text(long now) {
        var elapsed = (now - started) / 1e9;
        var percent = total > 0 ? 100.0 * done / total : 0.0;
        var text = String.format(Locale.ROOT, "%s: %d/%d %s, %.0f %%", stage, done, total, unit, percent);
        if (done > 0 && elapsed > 0) {
            var rate = done / elapsed;
            text += String.format(Locale.ROOT, ", %s", rate(rate))
                    + (done < total ? ", " + Figures.seconds((total - done) / rate) + " left" : "");
        }
        return text;
    }

    private String rate(double rate) {
        return rate >= 1 ? String.format(Locale.ROOT, "%.1f %s/s", rate, unit) : Figures.seconds(1 / rate) + " each";
    }
}
