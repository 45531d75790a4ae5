package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import java.lang.foreign.MemorySegment;

/// Moves the rows of a matrix into panels: whole words where a tensor's bytes can stay as they are.
///
/// The bytes of a four-bit block hold its first sixteen weights in their low halves and the others in their
/// high ones; here eight neighbouring weights form a word.
///
/// A panel is put together on the heap: most of a model is packed before these loops are compiled, and
/// until then native memory is slow to read and write word by word.
final class PanelPacker {
    private static final int BLOCK = 32;
    private static final int SUPER = PanelForm.SUPER;

    private final HostTensor tensor;
    private final Panels panels;
    private final int columns;
    private final int head;

    PanelPacker(HostTensor tensor, Panels panels) {
        this.tensor = tensor;
        this.panels = panels;
        columns = panels.columns();
        head = panels.form().headWords(columns);
    }

    /// Fills one panel; rows beyond the matrix stay zero.
    void pack(int panel) {
        var first = panel * panels.lanes();
        var words = new int[(head + panels.form().bodyWords(columns)) * panels.lanes()];
        var floats = panels.form() == PanelForm.F32 ? new float[columns] : new float[0];
        var halves =
                new short[floats.length > 0 ? 0 : Math.toIntExact(tensor.dtype().bytes(columns) / 2)];
        for (var row = first; row < Math.min(first + panels.lanes(), panels.rows()); row++) {
            var lane = new Lane(words, row - first, panels.lanes());
            if (floats.length > 0) {
                tensor.copyFloats((long) row * columns, columns, floats, 0);
                floats(floats, lane);
            } else {
                MemorySegment.copy(
                        tensor.data(), HostTensor.SHORT, (long) row * halves.length * 2, halves, 0, halves.length);
                pack(halves, lane);
            }
        }
        panels.fill(panel, words);
    }

    private void pack(short[] row, Lane lane) {
        switch (panels.form()) {
            case BF16, F16 -> halves(row, lane);
            case Q8_0 -> {
                if (tensor.dtype() == DType.Q5_0) {
                    q5_0(row, lane);
                } else {
                    q8_0(row, lane);
                }
            }
            case Q4_0 -> q4_0(row, lane);
            case Q4_1 -> q4_1(row, lane);
            case Q4_K -> q4_k(row, lane);
            case Q6_K -> q6_k(row, lane);
            case NF4 -> nf4(row, lane);
            case F32 -> throw new IllegalStateException("F32 is packed from floats");
        }
    }

    /// A row's place among the words of a panel.
    private record Lane(int[] words, int lane, int lanes) {
        void set(int word, int value) {
            words[word * lanes + lane] = value;
        }

        void add(int word, int bits) {
            words[word * lanes + lane] |= bits;
        }
    }

    private static void floats(float[] row, Lane lane) {
        for (var j = 0; j < row.length; j++) {
            lane.set(j, Float.floatToRawIntBits(row[j]));
        }
    }

    private static void halves(short[] row, Lane lane) {
        for (var j = 0; j < row.length / 2; j++) {
            lane.set(j, word(row, 2 * j));
        }
        if (row.length % 2 != 0) {
            lane.set(row.length / 2, row[row.length - 1] & 0xFFFF);
        }
    }

    private void q8_0(short[] row, Lane lane) {
        for (var block = 0; block < columns / BLOCK; block++) {
            var from = block * 17;
            scale(lane, block, row[from]);
            for (var k = 0; k < 8; k++) {
                lane.set(head + block * 8 + k, word(row, from + 1 + k * 2) ^ 0x80808080);
            }
        }
    }

    /// Sixteen bytes hold a block's first weights in their low halves and the others in their high ones; a
    /// word before them has the fifth bit of each weight.
    private void q5_0(short[] row, Lane lane) {
        for (var block = 0; block < columns / BLOCK; block++) {
            var from = block * 11;
            scale(lane, block, row[from]);
            var fifth = word(row, from + 1);
            for (var k = 0; k < 8; k++) {
                var word = 0;
                for (var i = 0; i < 4; i++) {
                    var weight = 4 * k + i;
                    var four = octet(row, from + 3, weight % 16) >>> weight / 16 * 4 & 0xF;
                    var five = four | (fifth >>> weight & 1) << 4;
                    word |= five - 16 + 128 << 8 * i;
                }
                lane.set(head + block * 8 + k, word);
            }
        }
    }

    private void q4_0(short[] row, Lane lane) {
        for (var block = 0; block < columns / BLOCK; block++) {
            scale(lane, block, row[block * 9]);
            nibbles(row, block * 9 + 1, 0, lane, head + block * 4);
            nibbles(row, block * 9 + 1, 4, lane, head + block * 4 + 2);
        }
    }

    private void q4_1(short[] row, Lane lane) {
        for (var block = 0; block < columns / BLOCK; block++) {
            lane.set(block, word(row, block * 10));
            nibbles(row, block * 10 + 2, 0, lane, head + block * 4);
            nibbles(row, block * 10 + 2, 4, lane, head + block * 4 + 2);
        }
    }

    /// The low (`shift` 0) or high (4) halves of sixteen bytes become two words.
    private static void nibbles(short[] row, int from, int shift, Lane lane, int to) {
        for (var k = 0; k < 2; k++) {
            var low = word(row, from + k * 4) >>> shift;
            var high = word(row, from + k * 4 + 2) >>> shift;
            lane.set(to + k, four(low) | four(high) << 16);
        }
    }

    /// The low halves of four bytes, side by side.
    private static int four(int bytes) {
        var pairs = bytes & 0x0F0F0F0F;
        pairs = (pairs | pairs >>> 4) & 0x00FF00FF;
        return (pairs | pairs >>> 8) & 0xFFFF;
    }

    /// Two scales share a word.
    private static void scale(Lane lane, int block, short half) {
        lane.add(block / 2, (half & 0xFFFF) << (block % 2 * 16));
    }

    /// The 32 bytes of 64 weights hold one block in their low halves and the next in their high ones.
    private void q4_k(short[] row, Lane lane) {
        for (var group = 0; group < columns / SUPER; group++) {
            var from = group * 72;
            lane.set(group * 5, word(row, from));
            for (var pair = 0; pair < 4; pair++) {
                lane.set(
                        group * 5 + 1 + pair,
                        multipliers(row, from + 2, 2 * pair) | multipliers(row, from + 2, 2 * pair + 1) << 16);
                for (var side = 0; side < 2; side++) {
                    var block = head + (group * 8 + pair * 2 + side) * 4;
                    var bytes = from + 8 + pair * 16;
                    nibbles(row, bytes, side * 4, lane, block);
                    nibbles(row, bytes + 8, side * 4, lane, block + 2);
                }
            }
        }
    }

    /// Scale and offset multiplier of block `j`, a byte each.
    private static int multipliers(short[] row, int from, int j) {
        if (j < 4) {
            return octet(row, from, j) & 63 | (octet(row, from, j + 4) & 63) << 8;
        }
        var low = octet(row, from, j + 4);
        return low & 0xF | (octet(row, from, j - 4) >> 6) << 4 | ((low >> 4) | (octet(row, from, j) >> 6) << 4) << 8;
    }

    private void q6_k(short[] row, Lane lane) {
        var multipliers = PanelForm.superWords(columns);
        for (var group = 0; group < columns / SUPER; group++) {
            var from = group * 105;
            scale(lane, group, row[from + 104]);
            for (var k = 0; k < 4; k++) {
                lane.set(multipliers + group * 4 + k, word(row, from + 96 + k * 2));
            }
            for (var block = 0; block < 16; block++) {
                sixBits(row, from, block * 16, lane, head + (group * 16 + block) * 3);
            }
        }
    }

    /// Sixteen weights of a group, in three words.
    private static void sixBits(short[] row, int from, int first, Lane lane, int to) {
        var last = code(row, from, first + 15);
        for (var k = 0; k < 3; k++) {
            var word = last >>> 2 * k << 30;
            for (var i = 0; i < 5; i++) {
                word |= code(row, from, first + k * 5 + i) << i * 6;
            }
            lane.set(to + k, word);
        }
    }

    /// Half of a group's weights have their low four bits in 64 bytes and their high two in 32: of the
    /// weights at `i`, `i + 32`, `i + 64` and `i + 96` the first two share their bytes with the others.
    private static int code(short[] row, int from, int weight) {
        var side = weight / 128;
        var part = weight / 32 % 4;
        var low = octet(row, from, side * 64 + weight % 64) >> part / 2 * 4;
        var high = octet(row, from, 128 + side * 32 + weight % 32) >> part * 2;
        return low & 0xF | (high & 3) << 4;
    }

    /// The 32 bytes of a block hold half of its weights in their low halves and the others in their high
    /// ones.
    private void nf4(short[] row, Lane lane) {
        for (var block = 0; block < columns / 64; block++) {
            var from = block * 17;
            scale(lane, block, row[from]);
            for (var side = 0; side < 2; side++) {
                var to = head + (block * 2 + side) * 4;
                nibbles(row, from + 1, side * 4, lane, to);
                nibbles(row, from + 9, side * 4, lane, to + 2);
            }
        }
    }

    private static int word(short[] row, int at) {
        return row[at] & 0xFFFF | row[at + 1] << 16;
    }

    /// Byte `place` behind element `from`.
    private static int octet(short[] row, int from, int place) {
        return row[from + place / 2] >>> (place % 2 * 8) & 0xFF;
    }
}
