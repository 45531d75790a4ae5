package dev.lowrank.app;

import java.math.BigInteger;
import java.util.Locale;

/// Numbers as people read them, always with their unit.
final class Figures {
    private Figures() {}

    /// Bytes in powers of 1000, three digits, e.g. `11.0 MB`.
    static String bytes(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        var value = (double) bytes;
        var unit = -1;
        while (value >= 999.5 && unit < 4) {
            value /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, value < 99.95 ? "%.1f %cB" : "%.0f %cB", value, "kMGTP".charAt(unit));
    }

    /// A count with its digits grouped, e.g. `5,513,216`.
    static String count(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    /// A count of any size with its digits grouped.
    static String grouped(BigInteger count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    /// A duration, e.g. `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`.
    static String seconds(double seconds) {
        if (seconds < 9.95) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        var whole = Math.round(seconds);
        if (whole < 60) {
            return whole + " s";
        }
        if (whole < 3600) {
            return String.format(Locale.ROOT, "%d min %02d s", whole / 60, whole % 60);
        }
        return String.format(Locale.ROOT, "%d h %02d min", whole / 3600, whole % 3600 / 60);
    }

    /// A number with a fixed number of decimals.
    static String decimal(double value, int decimals) {
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    /// A perplexity with about five digits.
    static String perplexity(double value) {
        return decimal(value, value < 100 ? 3 : value < 1000 ? 2 : 1);
    }

    /// A short duration, e.g. `85 ms`; from a second on as [#seconds].
    static String milliseconds(double seconds) {
        return seconds < 0.9995 ? Math.round(seconds * 1000) + " ms" : seconds(seconds);
    }
}
