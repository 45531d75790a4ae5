package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Moves the rows of a matrix into panels: whole words where a tensor's bytes can stay as they are.
///
/// The bytes of a four-bit block hold its first sixteen weights in their low halves and the others in their
/// high ones; here eight neighbouring weights form a word.
final class PanelPacker {
    private static final int BLOCK = 32;
    private static final int SUPER = 256;

    private final HostTensor tensor;
    private final MemorySegment source;
    private final Panels panels;
    private final int columns;
    private final long rowBytes;
    private final int head;

    PanelPacker(HostTensor tensor, Panels panels) {
        this.tensor = tensor;
        this.source = tensor.data();
        this.panels = panels;
        columns = panels.columns();
        rowBytes = tensor.dtype().bytes(columns);
        head = panels.form().headWords(columns);
    }

    /// Fills one panel; rows beyond the matrix stay zero.
    void pack(int panel) {
        var first = panel * panels.lanes();
        var end = Math.min(first + panels.lanes(), panels.rows());
        for (var row = first; row < end; row++) {
            var at = row * rowBytes;
            switch (panels.form()) {
                case F32 -> floats(row);
                case BF16, F16 -> halves(row, at);
                case Q8_0 -> q8_0(row, at);
                case Q4_0 -> q4_0(row, at);
                case Q4_1 -> q4_1(row, at);
                case Q4_K -> q4_k(row, at);
            }
        }
    }

    private void floats(int row) {
        var values = new float[columns];
        tensor.copyFloats((long) row * columns, columns, values, 0);
        for (var j = 0; j < columns; j++) {
            panels.setWord(row, j, Float.floatToRawIntBits(values[j]));
        }
    }

    private void halves(int row, long at) {
        var pairs = columns / 2;
        for (var j = 0; j < pairs; j++) {
            panels.setWord(row, j, source.get(HostTensor.INT, at + j * 4L));
        }
        if (columns % 2 != 0) {
            panels.setWord(row, pairs, half(at + pairs * 4L));
        }
    }

    private void q8_0(int row, long at) {
        for (var block = 0; block < columns / BLOCK; block++) {
            var from = at + block * 34L;
            scale(row, block, half(from));
            for (var k = 0; k < 8; k++) {
                panels.setWord(row, head + block * 8 + k, source.get(HostTensor.INT, from + 2 + k * 4L) ^ 0x80808080);
            }
        }
    }

    private void q4_0(int row, long at) {
        for (var block = 0; block < columns / BLOCK; block++) {
            var from = at + block * 18L;
            scale(row, block, half(from));
            nibbles(row, block, from + 2);
        }
    }

    private void q4_1(int row, long at) {
        for (var block = 0; block < columns / BLOCK; block++) {
            var from = at + block * 20L;
            panels.setWord(row, block, source.get(HostTensor.INT, from));
            nibbles(row, block, from + 4);
        }
    }

    private void nibbles(int row, int block, long from) {
        nibbles(row, block, from, 0, from, 4);
    }

    /// @param first where the bytes of the first sixteen weights are, whose halves `firstShift` says which
    private void nibbles(int row, int block, long first, int firstShift, long second, int secondShift) {
        for (var k = 0; k < 2; k++) {
            panels.setWord(
                    row, head + block * 4 + k, eight(source.get(HostTensor.LONG, first + k * 8L) >>> firstShift));
            panels.setWord(
                    row, head + block * 4 + 2 + k, eight(source.get(HostTensor.LONG, second + k * 8L) >>> secondShift));
        }
    }

    /// The low halves of eight bytes, side by side.
    private static int eight(long bytes) {
        return (int) Long.compress(bytes, 0x0F0F0F0F0F0F0F0FL);
    }

    /// Two scales share a word.
    private void scale(int row, int block, int half) {
        var word = block / 2;
        var other = block % 2 == 0 ? 0 : panels.word(row, word);
        panels.setWord(row, word, other | half << (block % 2 * 16));
    }

    /// The 32 bytes of 64 weights hold one block in their low halves and the next in their high ones.
    private void q4_k(int row, long at) {
        for (var group = 0; group < columns / SUPER; group++) {
            var from = at + group * 144L;
            panels.setWord(row, group * 5, source.get(HostTensor.INT, from));
            for (var pair = 0; pair < 4; pair++) {
                panels.setWord(
                        row,
                        group * 5 + 1 + pair,
                        multipliers(from + 4, 2 * pair) | multipliers(from + 4, 2 * pair + 1) << 16);
                for (var side = 0; side < 2; side++) {
                    var block = group * 8 + pair * 2 + side;
                    var bytes = from + 16 + pair * 32L;
                    nibbles(row, block, bytes, side * 4, bytes + 16, side * 4);
                }
            }
        }
    }

    /// Scale and offset multiplier of block `j`, a byte each.
    private int multipliers(long from, int j) {
        if (j < 4) {
            return octet(from + j) & 63 | (octet(from + j + 4) & 63) << 8;
        }
        var low = octet(from + j + 4);
        return low & 0xF | (octet(from + j - 4) >> 6) << 4 | ((low >> 4) | (octet(from + j) >> 6) << 4) << 8;
    }

    private int half(long at) {
        return source.get(HostTensor.SHORT, at) & 0xFFFF;
    }

    private int octet(long at) {
        return source.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
    }
}
