package dev.lowrank.app;

import java.math.BigDecimal;
import java.util.regex.Pattern;

/// A number of bytes as people write it: `300MB`, `1.5GiB`, `4g`, `12345`. Without an `i`, units are powers
/// of 1000.
final class ByteSize {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,15}(?:\\.[0-9]+)?) *([kKmMgGtT]?)(i?)[Bb]?");

    private ByteSize() {}

    /// Reads one.
    ///
    /// @param option whose value it is, for the message
    /// @throws IllegalArgumentException if it is none, or zero
    static long parse(String option, String text) {
        var size = SIZE.matcher(text);
        var bytes = size.matches() ? value(size.group(1), size.group(2), size.group(3)) : 0;
        if (bytes < 1) {
            throw new IllegalArgumentException(
                    option + " is a number of bytes such as 300MB, 1.5GiB or 250000000, not " + text);
        }
        return bytes;
    }

    private static long value(String number, String unit, String binary) {
        var power = unit.isEmpty() ? 0 : "kmgt".indexOf(Character.toLowerCase(unit.charAt(0))) + 1;
        var base = BigDecimal.valueOf(binary.isEmpty() ? 1000 : 1024);
        return new BigDecimal(number).multiply(base.pow(power)).longValue();
    }
}
