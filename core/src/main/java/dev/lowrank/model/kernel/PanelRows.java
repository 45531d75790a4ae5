package dev.lowrank.model.kernel;

import dev.lowrank.tensor.NormalFloat4;

/// Rows of panels as floats, without vectors: what [ScalarKernels] multiply with.
final class PanelRows {
    private static final int SUPER = PanelForm.SUPER;

    private PanelRows() {}

    /// Copies a row, each weight rounded once.
    static void copy(Panels w, int row, float[] target) {
        for (var j = 0; j < w.columns(); j++) {
            target[j] = weight(w, row, j);
        }
    }

    private static float weight(Panels w, int row, int column) {
        var form = w.form();
        var head = form.headWords(w.columns());
        return switch (form) {
            case F32 -> Float.intBitsToFloat(w.word(row, column));
            case BF16 -> Float.intBitsToFloat(w.word(row, column / 2) >>> (column % 2 * 16) << 16);
            case F16 -> half(w.word(row, column / 2), column % 2);
            case Q8_0 -> half(w.word(row, column / 64), column / 32 % 2) * (octet(w, row, head, column) - form.bias());
            case Q4_0 -> half(w.word(row, column / 64), column / 32 % 2) * (nibble(w, row, head, column) - form.bias());
            case Q4_1 -> {
                var both = w.word(row, column / 32);
                yield half(both, 0) * nibble(w, row, head, column) + half(both, 1);
            }
            case Q4_K -> {
                var both = w.word(row, column / SUPER * 5);
                var factors = w.word(row, column / SUPER * 5 + 1 + column / 64 % 4) >>> column / 32 % 2 * 16;
                yield half(both, 0) * (factors & 0xFF) * nibble(w, row, head, column)
                        - half(both, 1) * (factors >>> 8 & 0xFF);
            }
            case Q6_K -> {
                var multipliers = w.word(row, PanelForm.superWords(w.columns()) + column / 64);
                yield half(w.word(row, column / (2 * SUPER)), column / SUPER % 2)
                        * (byte) (multipliers >>> column / 16 % 4 * 8)
                        * (sixBits(w, row, head + column / 16 * 3, column % 16) - form.bias());
            }
            case NF4 ->
                half(w.word(row, column / 128), column / 64 % 2) * NormalFloat4.level(nibble(w, row, head, column));
        };
    }

    private static int octet(Panels w, int row, int head, int column) {
        return w.word(row, head + column / 4) >>> column % 4 * 8 & 0xFF;
    }

    private static int nibble(Panels w, int row, int head, int column) {
        return w.word(row, head + column / 8) >>> column % 8 * 4 & 0xF;
    }

    private static int sixBits(Panels w, int row, int words, int place) {
        if (place < 15) {
            return w.word(row, words + place / 5) >>> place % 5 * 6 & 63;
        }
        return w.word(row, words) >>> 30 | w.word(row, words + 1) >>> 30 << 2 | w.word(row, words + 2) >>> 30 << 4;
    }

    private static float half(int word, int side) {
        return Float.float16ToFloat((short) (word >>> side * 16));
    }
}
